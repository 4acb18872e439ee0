// The clock by which waiting is measured: it stands still while the whole process does.
//
// A process that was stopped (SIGSTOP, a debugger) or throttled did not wait, and the holder of a
// lock had no chance to give it back. So time counts only while the process makes progress: every
// waiter, at every look at the clock, notes the time for the whole process. Waiters look at least
// every kLongestNap. If nobody noted the time for longer than that and some slack, no waiter in the
// process was able to run, and the excess does not count.
//
// The last time noted and the sum of what did not count share one atomic, in milliseconds, so that
// both change in one step: who sees that the process is back also sees how long it was away. Both
// wrap around after 49 days, which does not matter to differences. A time that seems to be up to
// kLongestDelay earlier than the one noted is earlier: its thread was slow to note it. Beyond that
// it is later, after a long time without waiters.
#ifndef RQLOCKDEP_SRC_PROGRESS_CLOCK_H_
#define RQLOCKDEP_SRC_PROGRESS_CLOCK_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep::internal {

template <class Atomics>
class ProgressClock {
 public:
  using Shared = typename Atomics::template Atomic<uint64_t>;

  static constexpr int64_t kMillisecond = 1'000'000;
  static constexpr int64_t kLongestNap = 8 * kMillisecond;
  // A nap may end late because the machine is busy. What is late by less than this counts.
  static constexpr uint32_t kSlackMilliseconds = 4;
  // Between reading the clock and noting the time, while others note theirs: more than an hour.
  static constexpr uint32_t kLongestDelay = uint32_t{1} << 22;

  // Notes that the process runs at `now` (nanoseconds), and returns how many milliseconds did not
  // count up to now, modulo 2^32: to be subtracted from another such value.
  static uint32_t Note(Shared& shared, int64_t now) {
    const uint32_t time = static_cast<uint32_t>(now / kMillisecond);
    // Relaxed, all: the value carries nothing but itself.
    uint64_t seen = shared.load(std::memory_order_relaxed);
    for (;;) {
      const uint32_t noted = static_cast<uint32_t>(seen);
      uint32_t uncounted = static_cast<uint32_t>(seen >> 32);
      const bool is_first = seen == 0;
      // Another thread may have noted a later time than ours already, or the same.
      if (!is_first && noted - time < kLongestDelay) return uncounted;
      const uint32_t passed = time - noted;
      constexpr uint32_t kNap = kLongestNap / kMillisecond;
      if (!is_first && passed > kNap + kSlackMilliseconds) uncounted += passed - kNap;
      if (shared.compare_exchange_weak(seen, uint64_t{uncounted} << 32 | time,
                                       std::memory_order_relaxed, std::memory_order_relaxed)) {
        return uncounted;
      }
    }
  }
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_PROGRESS_CLOCK_H_
