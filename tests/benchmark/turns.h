// In which order those that are compared take turns.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_TURNS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_TURNS_H_

#include <cstddef>
#include <vector>

namespace rqlockdep::benchmark {

// In which order the contestants take their turns in a round: another one each time, so that none
// is always after the same neighbour. A permutation of 0 .. count - 1.
std::vector<size_t> OrderOfRound(size_t count, int round);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_TURNS_H_
