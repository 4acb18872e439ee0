#include "tests/benchmark/ticks.h"

#include <chrono>

namespace rqlockdep::benchmark {
namespace {

using Clock = std::chrono::steady_clock;

struct Instant {
  Clock::time_point time;
  uint64_t ticks;
};

// Both clocks at one moment: of several attempts the one that was interrupted least.
Instant Now() {
  Instant best = {};
  uint64_t best_gap = UINT64_MAX;
  for (int i = 0; i < 20; ++i) {
    const uint64_t before = Ticks();
    const Clock::time_point time = Clock::now();
    const uint64_t gap = Ticks() - before;
    if (gap < best_gap) {
      best_gap = gap;
      best = {time, before + gap / 2};
    }
  }
  return best;
}

double Calibrate() {
  const Instant begin = Now();
  while (Clock::now() - begin.time < std::chrono::milliseconds(20)) {
  }
  const Instant end = Now();
  const std::chrono::duration<double, std::nano> elapsed = end.time - begin.time;
  return elapsed.count() / static_cast<double>(end.ticks - begin.ticks);
}

}  // namespace

double NanosecondsPerTick() {
  static const double nanoseconds = Calibrate();
  return nanoseconds;
}

}  // namespace rqlockdep::benchmark
