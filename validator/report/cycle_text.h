// The reports on cycles: circular-dependency, resilient-cycle, context-inversion and
// inconsistent-context. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_CYCLE_TEXT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_CYCLE_TEXT_H_

#include "validator/core/finding.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// All below the headline. `finding` has edges.
void WriteCycle(const Finding& finding, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_CYCLE_TEXT_H_
