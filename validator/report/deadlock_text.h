// The reports on deadlocks that are happening: deadlock and resilient-deadlock. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_DEADLOCK_TEXT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_DEADLOCK_TEXT_H_

#include "validator/core/finding.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// All below the headline.
void WriteDeadlock(const Finding& finding, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_DEADLOCK_TEXT_H_
