// The classic picture of a deadlock: a column for each thread, time going down.
//
//     T2                      T1
//     ----------------------  --------------------
//     lock(cache);
//                             res_spin_lock(table);
//     res_spin_lock(table);
//                             lock(cache);
//
// Too many threads for the page are written below one another instead. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_SCENARIO_H_
#define RQLOCKDEP_VALIDATOR_REPORT_SCENARIO_H_

#include <span>

#include "validator/core/finding.h"
#include "validator/report/cycle_threads.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// How the steps of a cycle, or of a path that an interruption closes, meet. One edge is one column.
void WriteScenario(std::span<const FindingEdge> edges, const CycleThreads& threads, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_SCENARIO_H_
