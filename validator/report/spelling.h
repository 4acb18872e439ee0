// The words that reports use for kinds, modes, strengths, contexts and ranks. All are literals.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_SPELLING_H_
#define RQLOCKDEP_VALIDATOR_REPORT_SPELLING_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"

namespace rqlockdep::report {

// The call that acquires: "lock", "read_lock", "try_lock", "try_lock_for", "res_spin_lock", ...
// One look tells how long the caller is ready to wait.
const char* CallName(LockKind kind, LockMode mode, Strength strength);

const char* KindName(LockKind kind);           // as in a trace: "qspinlock"
const char* ModeName(LockMode mode);           // "exclusive", "shared", "shared (recursive read)"
const char* ContextName(ContextKind context);  // "a signal handler (hard)"
// How an acquisition of this strength fails: `"timed out" (-ETIMEDOUT)`.
const char* FailureName(FailReason reason);
const char* RankName(uint8_t rank);       // "spin"
const char* RankProperty(uint8_t rank);   // of a lock that needs the rank: "may sleep"
const char* RankAllowance(uint8_t rank);  // where this is the rank: "at most spinning"

inline bool IsBounded(Strength strength) {
  return strength == Strength::kTimed || strength == Strength::kResilient;
}
// How long a bounded acquisition waits at worst.
const char* LimitName(Strength strength);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_SPELLING_H_
