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

  // How long a waiter does what (lock_waiter.h). Between two looks it rests some 0.1 to 0.4 us
  // (backoff.h).
  struct Patience {
    static constexpr int kLooksWithoutClock = 4;  // shorter waits do not read the clock
    static constexpr int kNewcomerLooks = 10;
    // Some 4 us without progress: less than it costs to go to sleep and be woken.
    static constexpr int kSpinRounds = 12;
    static constexpr int kLongestSpin = 8 * kSpinRounds;  // with progress
    static constexpr int kYields = 2;                     // that let somebody else run
    static constexpr int kRoundsBetweenYields = 4;
    static constexpr int64_t kQuickYield = 1'500;  // ns: nobody else wanted the processor
    static constexpr int64_t kIdleSpin = 50'000;   // ns: more than waking an idle core takes
    static constexpr int kRoundsBeforeSleep = 2;   // after the announcement
    static constexpr int kFruitlessWakes = 4;
  };

  uint32_t slot_limit() { return ProcessSlotTable()->limit(); }
  ThreadSlot* slot_at(uint32_t id) { return ProcessSlotTable()->at(id); }
  bool slot_in_use(uint32_t id) { return ProcessSlotTable()->IsInUse(id); }
  uint64_t slot_changes() { return ProcessSlotTable()->changes(); }
  bool slot_has_ended(uint32_t id) { return ProcessSlotTable()->HasEnded(id); }
  bool is_forked() { return ProcessSlotTable()->is_forked(); }
  std::atomic<uint64_t>& progress() { return ProcessSlotTable()->progress(); }
  std::atomic<uint64_t>& tickets() { return ProcessSlotTable()->tickets(); }

  // From the kernel; never given back. Null if it has none.
  CellChunk* NewChunk();
  void SetCursor(Cell* cell) { thread_cursor = cell; }
  int& UnlistedHolds();
  uint32_t& LookCost();

  // Monotonic.
  int64_t Now();
  // Some clock that is quick to read, after all loads before it: 20 million to some thousand
  // million ticks a second.
  uint64_t Ticks() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_lfence();
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    asm volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
#else
    return static_cast<uint64_t>(Now());
#endif
  }
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
  bool BeginSlice();
  void EndSlice();
  bool Sleep(LockWord& word, uint8_t locked, uint8_t pending, uint16_t tail, int64_t nanoseconds);
  bool Sleep(std::atomic<uint32_t>& word, uint32_t value, int64_t nanoseconds);
  void Wake(const void* word, int count);
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_NATIVE_POLICY_H_
