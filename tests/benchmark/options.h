// The command line of lock_comparison.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_OPTIONS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_OPTIONS_H_

#include <string>
#include <vector>

#include "tests/benchmark/contestants.h"

namespace rqlockdep::benchmark {

struct Options {
  std::vector<std::string> rows;
  std::vector<Contestant> contestants;
  double seconds = 0;  // of one round of one lock
  int rounds = 0;
  std::vector<int> threads;  // of the rows "short" and "long"
  std::vector<int> rings;    // how many threads each has
  int repetitions = 0;       // of each ring
  double near_nanoseconds = 0;
  bool waits = true;
  bool markdown = false;
};

// Ends the program with a message and status 2 if the command line is wrong.
Options ParseOptions(int argc, char** argv, const std::vector<std::string>& all_rows);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_OPTIONS_H_
