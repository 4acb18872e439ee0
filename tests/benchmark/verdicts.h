// What the contended rows check of every round besides measuring it.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_VERDICTS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_VERDICTS_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

#include "tests/benchmark/contention.h"

namespace rqlockdep::benchmark {

class Verdicts {
 public:
  void Add(const std::string& name, const ContentionResult& result);
  // Says what was wrong, and how often a limit passed, which is not wrong. True if nothing was
  // wrong.
  bool Print(std::ostream& out) const;

 private:
  struct Counts {
    uint64_t not_excluded = 0;
    uint64_t deadlocks = 0;
    uint64_t timeouts = 0;
  };
  std::map<std::string, Counts> counts_;
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_VERDICTS_H_
