// The rows of the validator's comparison. Each measures and prints one part, with everything in it
// interleaved.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_VALIDATOR_ROWS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_VALIDATOR_ROWS_H_

#include <cstddef>
#include <deque>
#include <ostream>
#include <vector>

#include "rqlockdep/lock_class.h"

namespace rqlockdep::benchmark {

struct ValidatorRowOptions {
  int rounds = 0;
  int pairs = 0;               // a slice of one contestant
  std::vector<int> instances;  // of the row "scattered"
  int classes = 0;             // of the row "edges", with five times as many edges
  std::vector<int> threads;    // of the row "contended", as what follows
  double seconds = 0;          // of one round of one lock
  int contended_rounds = 0;
  bool markdown = false;
};

// Acquire and release while others are held; orders known.
void DepthRow(const ValidatorRowOptions& options, std::ostream& out);
// The same in two threads at once, each with locks of its own, of the same classes.
void ThreadsRow(const ValidatorRowOptions& options, std::ostream& out);
// Random ordered pairs over many locks of as many classes, four partners each; orders known.
void ScatteredRow(const ValidatorRowOptions& options, std::ostream& out);
// Several threads compete for one lock. False if it did not exclude them.
bool ContendedRow(const ValidatorRowOptions& options, std::ostream& out);
// An acquisition that adds an edge to a large graph without cycles.
void EdgesRow(const ValidatorRowOptions& options, std::ostream& out);

// `count` classes that live for ever, as classes must: the list of them all is never destroyed.
inline std::deque<LockClass>& NewClasses(size_t count) {
  static auto& all = *new std::deque<std::deque<LockClass>>();
  std::deque<LockClass>& classes = all.emplace_back();
  while (classes.size() < count) classes.emplace_back("class");
  return classes;
}

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_VALIDATOR_ROWS_H_
