// Locks under contention, in one table for each number of threads: throughput, fairness, and how
// long an acquisition waits.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_TABLE_H_
#define RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_TABLE_H_

#include <ostream>
#include <string>
#include <vector>

#include "tests/benchmark/contention.h"

namespace rqlockdep::benchmark {

struct Contender {
  std::string name;
  ContentionResult (*contend)(const ContentionSetup& setup);
};

struct ContentionPlan {
  std::vector<Contender> contenders;  // "std_mutex" among them is what the others are compared with
  std::vector<int> threads;           // a table each
  ContentionSetup setup;              // but for the number of threads
  int rounds = 0;                     // in each of them all contenders take a turn
  bool waits = true;                  // measured in rounds of their own
  bool markdown = false;
};

// Prints the tables. False if a lock did what it must not; that is printed, too.
bool PrintContention(const ContentionPlan& plan, std::ostream& out);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_TABLE_H_
