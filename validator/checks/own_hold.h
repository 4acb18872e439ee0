// How an acquisition relates to what the thread itself holds of the very same lock
// (docs/semantics.md, section 1).
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_OWN_HOLD_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_OWN_HOLD_H_

#include "validator/core/thread_state.h"

namespace rqlockdep {

enum class OwnHold : uint8_t {
  kNone,          // the thread does not hold the lock
  kReentry,       // its own hold lets it succeed at once
  kResilientAa,   // a resilient lock: fails by design
  kTry,           // a try of a lock that it holds
  kSelfDeadlock,  // blocking or timed, on any other lock
};

// Not only waits for it.
bool HoldsReally(const ThreadState& thread, const hooks::LockMap* lock);

// What thread asks for `lock` in this way.
OwnHold ClassifyOwnHold(const ThreadState& thread, const hooks::LockMap* lock, LockKind kind,
                        LockMode mode, Strength strength);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_OWN_HOLD_H_
