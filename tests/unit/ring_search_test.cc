#include "src/ring_search.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {
namespace {

// Slots are on the heap in these tests, for AddressSanitizer's fake stack aligns to 32 bytes only.

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
  const auto on_heap = std::make_unique<EndedThread>();
  EndedThread& thread = *on_heap;
  const LockWord word;
  EXPECT_TRUE(HolderIsGone(thread, word));
}

// It was found in the table of its thread, which then gave it back and ended: with another lock
// held, so that its slot is dead.
TEST(RingSearch, HolderThatGaveTheLockBackBeforeItEndedIsNotGone) {
  const auto on_heap = std::make_unique<EndedThread>();
  EndedThread& thread = *on_heap;
  thread.gives_back = true;
  const LockWord word;
  EXPECT_FALSE(HolderIsGone(thread, word));
}

// Threads each of which holds the lock of its number and waits for the next one's.
struct Ring {
  using Atomics = NativeAtomics;
  static constexpr uint32_t kSize = 3;

  uint32_t slot_limit() { return kSize; }
  ThreadSlot* slot_at(uint32_t id) { return &slots[id]; }
  std::atomic<uint64_t>& tickets() { return last_ticket; }

  // `watched`, bit by bit: whether the validator looks for rings of the member's wait.
  explicit Ring(unsigned watched) {
    for (uint32_t i = 0; i < kSize; ++i) {
      slots[i].id = static_cast<uint16_t>(i);
      slots[i].cells[0].lock.store(reinterpret_cast<uintptr_t>(&words[i]));
      RingSearch<Ring>::Publish(slots[i], WaitOf(i, (watched >> i & 1) != 0));
    }
  }
  RingSearch<Ring>::Wait WaitOf(uint32_t i, bool watched) {
    const uint32_t next = (i + 1) % kSize;
    return {.ticket = i + 1,
            .word = reinterpret_cast<uintptr_t>(&words[next]),
            .held_inline = 1,
            .held_chunked = 0,
            .watched = watched,
            .holder_mark = MarkOfSlot(next),
            .version = 0};
  }

  ThreadSlot slots[kSize];
  LockWord words[kSize];
  std::atomic<uint64_t> last_ticket{kSize};
};

// Whoever looks comes to the same end: the validator is the judge if all members are watched, else
// the newest member gives way.
TEST(RingSearch, OnlyARingThatTheValidatorSeesInFullIsLeftToIt) {
  for (unsigned watched = 0; watched < 1U << Ring::kSize; ++watched) {
    const auto on_heap = std::make_unique<Ring>(watched);
    Ring& ring = *on_heap;
    ThreadSlot* const expected = watched == 7 ? nullptr : &ring.slots[2];
    for (uint32_t i = 0; i < Ring::kSize; ++i) {
      ThreadSlot& me = ring.slots[i];
      const auto found = RingSearch<Ring>::Look(ring, me, ring.WaitOf(i, (watched >> i & 1) != 0));
      EXPECT_EQ(found.newest, expected) << watched << " " << i;
      if (expected == nullptr) continue;
      EXPECT_EQ(found.newest_word, reinterpret_cast<uintptr_t>(&ring.words[0]));
    }
  }
}

// Two threads, each of which holds a lock and waits for the other's; all other slots are empty.
struct Pair {
  using Atomics = NativeAtomics;
  using Rings = RingSearch<Pair>;
  static constexpr uint32_t kMe = 1;

  uint32_t slot_limit() { return static_cast<uint32_t>(slots.size()); }
  ThreadSlot* slot_at(uint32_t id) { return &slots[id]; }
  bool slot_has_ended(uint32_t id) { return id != living; }
  std::atomic<uint64_t>& tickets() { return last_ticket; }

  explicit Pair(uint32_t other) : slots(other + 2), mine(WaitFor(theirs_word, other, 1)) {
    slots[kMe].cells[0].lock.store(reinterpret_cast<uintptr_t>(&mine_word));
    theirs = WaitFor(mine_word, kMe, 2);
    Rings::Publish(slots[kMe], mine);
  }
  static Rings::Wait WaitFor(const LockWord& word, uint32_t holder, uint64_t ticket) {
    return {.ticket = ticket,
            .word = reinterpret_cast<uintptr_t>(&word),
            .held_inline = 1,
            .held_chunked = 0,
            .watched = false,
            .holder_mark = MarkOfSlot(holder),
            .version = 0};
  }
  ThreadSlot* Newest() { return Rings::Look(*this, slots[kMe], mine).newest; }

  std::vector<ThreadSlot> slots;
  LockWord mine_word;
  LockWord theirs_word;
  std::atomic<uint64_t> last_ticket{2};
  Rings::Wait mine;
  Rings::Wait theirs;
  uint32_t living = ~uint32_t{0};
};

// The first and the last slot of a mark, and later ones that share them.
TEST(RingSearch, EveryMarkLeadsToTheHolder) {
  for (const uint32_t other : {0U, 2U, 252U, 253U, 505U, 506U}) {
    Pair pair(other);
    ThreadSlot& slot = pair.slots[other];
    slot.cells[0].lock.store(reinterpret_cast<uintptr_t>(&pair.theirs_word));
    const uintptr_t word = reinterpret_cast<uintptr_t>(&pair.theirs_word);
    EXPECT_TRUE(Pair::Rings::HolderIsGone(pair, MarkOfSlot(other), word)) << other;
    Pair::Rings::Publish(slot, pair.theirs);
    EXPECT_EQ(pair.Newest(), &slot) << other;
  }
}

// Whoever attempts a lock, perhaps in vain, does not hold it.
TEST(RingSearch, AnAttemptIsNoHold) {
  Pair pair(2);
  const uintptr_t word = reinterpret_cast<uintptr_t>(&pair.theirs_word);
  pair.slots[2].cells[0].lock.store(word + kAttemptBit);
  Pair::Rings::Publish(pair.slots[2], pair.theirs);
  EXPECT_EQ(pair.Newest(), nullptr);
  EXPECT_FALSE(Pair::Rings::HolderIsGone(pair, MarkOfSlot(2), word));
}

// A dead thread's table lists a lock that was at the same address before.
TEST(RingSearch, OfTwoHoldersWithTheSameMarkTheLivingOneCounts) {
  for (const uint32_t living : {2U, 2U + kSlotMarks}) {
    Pair pair(2 + kSlotMarks);
    pair.living = living;
    const uintptr_t word = reinterpret_cast<uintptr_t>(&pair.theirs_word);
    pair.slots[2].cells[0].lock.store(word);
    pair.slots[2 + kSlotMarks].cells[0].lock.store(word);
    EXPECT_FALSE(Pair::Rings::HolderIsGone(pair, MarkOfSlot(2), word)) << living;
  }
}

// Those that a signal handler took on top of the wait are not held by it.
TEST(RingSearch, OfTheInlineCellsOnlyThoseFromBeforeTheWaitCount) {
  for (const uint32_t index : {0U, 1U, ThreadSlot::kInlineCells - 1}) {
    Pair pair(2);
    ThreadSlot& slot = pair.slots[2];
    slot.cells[index].lock.store(reinterpret_cast<uintptr_t>(&pair.theirs_word));
    const uint32_t bit = uint32_t{1} << index;
    for (const uint32_t held : {bit, ~bit, uint32_t{0}}) {
      pair.theirs.held_inline = held;
      Pair::Rings::Publish(slot, pair.theirs);
      EXPECT_EQ(pair.Newest(), held == bit ? &slot : nullptr) << index << " " << held;
    }
  }
}

// In cells beyond the first 31: those that a signal handler took on top of the wait are not held by
// it.
TEST(RingSearch, OfTheChunkedCellsOnlyThoseFromBeforeTheWaitCount) {
  constexpr uint32_t kCells = CellChunk::kCells;
  for (const uint32_t index : {0U, 5U, kCells - 1, kCells, kCells + 5, 2 * kCells - 1}) {
    Pair pair(2);
    ThreadSlot& slot = pair.slots[2];
    const auto first = std::make_unique<CellChunk>();
    const auto second = std::make_unique<CellChunk>();
    slot.more_cells.store(first.get());
    first->next.store(second.get());
    CellChunk& chunk = index < kCells ? *first : *second;
    chunk.cells[index % kCells].lock.store(reinterpret_cast<uintptr_t>(&pair.theirs_word));
    for (const uint32_t held : {0U, index, index + 1, 2 * kCells}) {
      pair.theirs.held_chunked = held;
      Pair::Rings::Publish(slot, pair.theirs);
      EXPECT_EQ(pair.Newest(), index < held ? &slot : nullptr) << index << " " << held;
    }
  }
}

}  // namespace
}  // namespace rqlockdep::internal
