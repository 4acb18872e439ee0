// Bugs that tests put back on purpose, to show that they would be found. A policy
// (spinlock_slow_path.h) may name one as `kFault`. The real one does not, and then there is nothing
// of them in the program.
#ifndef RQLOCKDEP_SRC_DELIBERATE_FAULT_H_
#define RQLOCKDEP_SRC_DELIBERATE_FAULT_H_

namespace rqlockdep::internal {

enum class DeliberateFault {
  kNone,
  // Who cannot queue waits until the queue is gone: a signal handler waits for the very waiter that
  // it interrupts.
  kUnqueuedWaitsForTheQueue,
  // AA is looked for in the table alone. It does not list the lock between the compare-and-swap
  // and its confirmation, and from the first step of a release to its last.
  kAaByTheTableAlone,
  // The head that leaves waits for a successor, without trying whether it is the last.
  kHeadWaitsForASuccessor,
  // A spinner that gives up leaves its flag behind: unlocks go on counting on it.
  kSpinnerLeavesItsFlag,
  // Who gives up does not look whether an unlock counted on it and woke nobody else.
  kLeaverWakesNobody,
};

template <class Policy>
constexpr bool Has(DeliberateFault fault) {
  if constexpr (requires { Policy::kFault; }) {
    return Policy::kFault == fault;
  } else {
    return false;
  }
}

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_DELIBERATE_FAULT_H_
