// From findings to what the user sees: filters by the options, the user's handler or the text
// report, the exit status, and the end of the program under halt_on_error.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_REPORTER_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_REPORTER_H_

#include "validator/core/finding.h"
#include "validator/core/futex_mutex.h"
#include "validator/report/names.h"
#include "validator/runtime/options.h"

namespace rqlockdep {

class FindingReporter : public FindingSink {
 public:
  // `names` is used under this object's own lock. All must outlive it.
  FindingReporter(const Options& options, Names& names) : options_(options), names_(names) {}

  void OnFinding(const Finding& finding) override;

  // Keeps reports from being made, for `fork`. Not on a thread that is making one.
  FutexMutex& mutex() { return mutex_; }

 private:
  const Options& options_;
  Names& names_;
  FutexMutex mutex_;  // one report at a time; guards names_
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_REPORTER_H_
