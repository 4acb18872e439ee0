#include "tests/benchmark/computation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

// The best of many: whatever disturbs makes it longer.
double NanosecondsPerStep() {
  constexpr int64_t kSteps = 20'000;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (int i = 0; i < 200; ++i) {
    const uint64_t begin = Ticks();
    Compute(kSteps);
    best = std::min(best, Ticks() - begin);
  }
  return static_cast<double>(best) * NanosecondsPerTick() / kSteps;
}

}  // namespace

int64_t StepsFor(double nanoseconds) {
  static const double per_step = NanosecondsPerStep();
  return std::llround(nanoseconds / per_step);
}

}  // namespace rqlockdep::benchmark
