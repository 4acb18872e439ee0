// One slice of a lock of the validator's comparison: a lock is acquired and released in a tight
// loop while others of other classes are held, in a known order; or 2 or 64 locks in turn.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_HELD_PAIRS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_HELD_PAIRS_H_

#include <cstdint>
#include <vector>

namespace rqlockdep::benchmark {

struct HeldPairs {
  const char* name;
  // Ticks for `pairs` acquisitions and releases of the newest of `depth` locks, by one thread with
  // locks of its own. The classes are the same for all threads.
  uint64_t (*run)(int depth, int pairs);
};
const std::vector<HeldPairs>& AllHeldPairs();

// What a detector adds: the difference of two of them.
struct Added {
  const char* title;
  const char* with;
  const char* without;
};
const std::vector<Added>& AllAdded();

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_HELD_PAIRS_H_
