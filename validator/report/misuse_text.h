// The reports on what one thread did wrong, without any order between locks: balance, lifetime,
// unwinding, recursion, nest locks, wait ranks. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_MISUSE_TEXT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_MISUSE_TEXT_H_

#include "validator/core/finding.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// Each writes all below the headline.
void WriteRecursion(const Finding& finding, Page& page);
void WriteNestLockNotHeld(const Finding& finding, Page& page);
void WriteInvalidWaitContext(const Finding& finding, Page& page);
void WriteUnbalancedRelease(const Finding& finding, Page& page);
void WriteHeldLockDestroyed(const Finding& finding, Page& page);
void WriteHeldAtExit(const Finding& finding, Page& page);
void WriteNotUnwound(const Finding& finding, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_MISUSE_TEXT_H_
