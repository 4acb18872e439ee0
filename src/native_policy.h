// The policy of the real locks (spinlock_slow_path.h says what a policy is): std::atomic, the
// kernel's clock and futexes, the process's thread slots. Safe in signal handlers; leaves errno
// alone.
#ifndef RQLOCKDEP_SRC_NATIVE_POLICY_H_
#define RQLOCKDEP_SRC_NATIVE_POLICY_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "src/thread_slot_table.h"

namespace rqlockdep::internal {

class NativePolicy {
 public:
  using Atomics = NativeAtomics;

  // How long a waiter does what. Some 4 us of spinning pay where a sleeper takes longer to wake.
  struct Patience {
    static constexpr int kSpinRounds = 8;          // 1, 2, 4 ... pauses, which take some 34 ns each
    static constexpr int kLongestPauses = 32;      // in one round
    static constexpr int kYieldRounds = 2;         // then the processor is given away
    static constexpr int kRoundsBeforeSleep = 5;   // after the announcement, and after each sleep
    static constexpr int kRoundsWithoutClock = 4;  // shorter waits do not read the clock
  };

  uint32_t slot_limit() { return ProcessSlotTable()->limit(); }
  ThreadSlot* slot_at(uint32_t id) { return ProcessSlotTable()->at(id); }
  bool slot_in_use(uint32_t id) { return ProcessSlotTable()->IsInUse(id); }
  uint64_t slot_changes() { return ProcessSlotTable()->changes(); }
  std::atomic<uint64_t>& tickets() { return ProcessSlotTable()->tickets(); }

  // From the kernel; never given back. Null if it has none.
  CellChunk* NewChunk();
  void SetCursor(Cell* cell) { thread_cursor = cell; }
  int& UnlistedHolds();

  // Monotonic.
  int64_t Now();
  void Pause(int count) {
    for (; count > 0; --count) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
      asm volatile("isb" ::: "memory");  // on these about as long as x86's pause; yield is a nop
#else
      std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
    }
  }
  void Yield();
  bool Sleep(LockWord& word, uint8_t locked, uint8_t pending, int64_t nanoseconds);
  void Wake(const void* word, int count);
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_NATIVE_POLICY_H_
