// How long a waiter leaves the lock alone between two looks at it.
//
// A look at a lock that is in use takes its cache line away from the holder, who has to fetch it
// back to unlock: two transfers for nothing. So the rest between looks is a multiple of what a look
// costs. Between processors that are far from each other (150 ns there and back) a waiter looks
// seldom, and the holder takes the lock several times in a row from its own cache; between near
// ones it looks often, and gets the lock sooner. While the holder leaves the line alone, in a long
// section, looks are cheap and the rests get short.
//
// The cost is measured at each look, without the cost of the measurement, and remembered by the
// thread from one wait to the next.
#ifndef RQLOCKDEP_SRC_BACKOFF_H_
#define RQLOCKDEP_SRC_BACKOFF_H_

#include <algorithm>
#include <cstdint>

namespace rqlockdep::internal {

// `Policy` as in spinlock_slow_path.h: Ticks, LookCost, Pause.
template <class Policy>
class Backoff {
 public:
  explicit Backoff(Policy& policy) : policy_(policy), cost_(policy.LookCost()) {}

  // Rests. The next look is timed.
  void Rest() {
    const uint64_t begin = policy_.Ticks();
    clock_cost_ = policy_.Ticks() - begin;
    const uint64_t rest = uint64_t{kRestForTwoLooks} * cost_ / (2 * 16);
    do {
      policy_.Pause(1);
    } while (policy_.Ticks() - begin < rest);
    rested_ = true;
  }

  // Runs `look`, which returns whether it ended the wait.
  template <class Function>
  bool Look(Function look) {
    if (!rested_) return look();
    rested_ = false;
    line_was_away_ = false;
    const uint64_t begin = policy_.Ticks();
    if (look()) return true;
    const uint64_t took = policy_.Ticks() - begin;
    const uint64_t cost = took > clock_cost_ ? took - clock_cost_ : 0;
    line_was_away_ = cost >= kShortestTransfer;
    // In sixteenths, so that a coarse clock counts, too.
    cost_ = static_cast<uint32_t>((3 * uint64_t{cost_} + 16 * std::min(cost, kLongestLook)) / 4);
    return false;
  }

  // Whether another processor had the line at the last look: somebody uses the lock. Never if the
  // clock is too coarse to say.
  bool line_was_away() const { return line_was_away_; }

 private:
  // Two to four times the cost of a look was good on two far processors: with less the line goes to
  // and fro, with more the longest waits get longer (tests/benchmark/lock_comparison, rows pair and
  // short).
  static constexpr uint32_t kRestForTwoLooks = 5;
  // Ticks. A choice, not a measurement of all machines: two far processors took 190, with a line of
  // one's own nothing could be told from the clock's own cost.
  static constexpr uint64_t kShortestTransfer = 20;
  // Ticks. What takes longer was no look: the thread was off its processor.
  static constexpr uint64_t kLongestLook = 1'000;

  Policy& policy_;
  uint32_t& cost_;  // the thread's: running average, in sixteenths of a tick
  uint64_t clock_cost_ = 0;
  bool rested_ = false;
  bool line_was_away_ = false;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_BACKOFF_H_
