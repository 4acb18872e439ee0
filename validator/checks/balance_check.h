// Balance, lifetime and unwinding (docs/semantics.md, section 7), and the wait ranks of section 6.
//
// Each function reports; that there is something to report, the validator has found out from the
// held stack.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_BALANCE_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_BALANCE_CHECK_H_

#include "validator/checks/check_input.h"

namespace rqlockdep {

// A release (or a downgrade) of a lock that the thread did not take (exclusively) in this context.
// `owner` is another thread that holds it, or null.
void ReportUnbalancedRelease(CheckInput& input, bool downgrade, const ThreadState* owner);

// The lock is initialised or destroyed, or its memory freed, while `owner` holds it.
void ReportHeldLockDestroyed(CheckInput& input, FindingDetail detail, ThreadState& owner);

// The thread ends, or leaves its context, with locks taken there still held.
void ReportHeldAtExit(CheckInput& input, FindingDetail detail);

// The thread asks again for a resilient lock that it failed to get, without having given anything
// back.
void ReportNotUnwound(CheckInput& input, FailReason reason);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_BALANCE_CHECK_H_
