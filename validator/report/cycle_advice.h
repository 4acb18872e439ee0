// What follows from a cycle, and what to do about it. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_CYCLE_ADVICE_H_
#define RQLOCKDEP_VALIDATOR_REPORT_CYCLE_ADVICE_H_

#include "validator/core/finding.h"
#include "validator/report/cycle_threads.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// What happens when the steps meet. For a resilient-cycle: which acquisition fails and with what,
// who stalls meanwhile and for how long at worst, which lock the failing side must give back.
void WriteConsequences(const Finding& finding, const CycleThreads& threads, Page& page);

// What to do, best first.
void WriteCycleAdvice(const Finding& finding, const CycleThreads& threads, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_CYCLE_ADVICE_H_
