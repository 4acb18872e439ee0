// Which processors there are, and how near to each other they are.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_PROCESSORS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_PROCESSORS_H_

#include <vector>

namespace rqlockdep::benchmark {

// Those that this process may run on.
std::vector<int> AllowedProcessors();

// Binds the calling thread. False if that is not allowed.
bool PinTo(int processor);

// How long a cache line takes from one processor to the other and back: the median of batches of
// ping-pong between a thread on each, in nanoseconds. NaN if the threads cannot be pinned. Two
// virtual processors may be on one physical core now and on distant ones in a minute, so measure
// next to whatever depends on it.
double RoundTripNanoseconds(int a, int b);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_PROCESSORS_H_
