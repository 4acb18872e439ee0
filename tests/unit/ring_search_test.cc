#include "src/ring_search.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {
namespace {

// One slot, whose thread has ended when somebody asks.
struct EndedThread {
  using Atomics = NativeAtomics;

  uint32_t slot_limit() { return 1; }
  ThreadSlot* slot_at(uint32_t) { return &slot; }
  bool slot_has_ended(uint32_t) {
    if (gives_back) slot.cells[0].lock.store(kFreeCell, std::memory_order_relaxed);
    return true;
  }

  ThreadSlot slot;
  bool gives_back = false;
};

bool HolderIsGone(EndedThread& thread, const LockWord& word) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(&word);
  thread.slot.cells[0].lock.store(address, std::memory_order_relaxed);
  return RingSearch<EndedThread>::HolderIsGone(thread, MarkOfSlot(0), address);
}

TEST(RingSearch, HolderThatEndedIsGone) {
  EndedThread thread;
  const LockWord word;
  EXPECT_TRUE(HolderIsGone(thread, word));
}

// It was found in the table of its thread, which then gave it back and ended: with another lock
// held, so that its slot is dead.
TEST(RingSearch, HolderThatGaveTheLockBackBeforeItEndedIsNotGone) {
  EndedThread thread;
  thread.gives_back = true;
  const LockWord word;
  EXPECT_FALSE(HolderIsGone(thread, word));
}

}  // namespace
}  // namespace rqlockdep::internal
