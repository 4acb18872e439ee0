// What the threads of a cycle are called in its scenario.
//
// A cycle becomes a deadlock only on as many threads as it has steps. If the steps were seen on
// different threads, those are named. Else the scenario needs threads that were not seen: "thread
// A", "thread B", each with the thread that it does as ("like T1").
#ifndef RQLOCKDEP_VALIDATOR_REPORT_CYCLE_THREADS_H_
#define RQLOCKDEP_VALIDATOR_REPORT_CYCLE_THREADS_H_

#include <cstddef>
#include <span>

#include "validator/core/finding.h"
#include "validator/report/label.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

class CycleThreads {
 public:
  CycleThreads(std::span<const FindingEdge> edges, Page& page);

  // The thread of step `i`, from 0.
  Label Name(size_t i, size_t max = 40) const;
  // The same as the title of a column: "thread A (like T1)".
  Label Title(size_t i, size_t max = 60) const;

 private:
  std::span<const FindingEdge> edges_;
  Page& page_;
  bool all_different_ = true;
};

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_CYCLE_THREADS_H_
