// Work of a known length, inside and outside of critical sections: a chain of multiplications in
// registers. It touches no memory, and unlike a pause or a look at the clock it keeps the processor
// busy as real work does.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_COMPUTATION_H_
#define RQLOCKDEP_TESTS_BENCHMARK_COMPUTATION_H_

#include <cstdint>

namespace rqlockdep::benchmark {

inline void Compute(int64_t steps) {
  uint64_t state = 1;
  for (; steps > 0; --steps) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(state));  // each step depends on the one before, and none is left out
  }
}

// How many steps take that long on an idle processor. Measured by the first call.
int64_t StepsFor(double nanoseconds);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_COMPUTATION_H_
