// Ticks(): the cheapest clock that all processors agree on. For differences only.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_TICKS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_TICKS_H_

#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ctime>
#endif

namespace rqlockdep::benchmark {

inline uint64_t Ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
#endif
}

// Measured against the kernel's clock by the first call, which takes 20 ms.
double NanosecondsPerTick();

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_TICKS_H_
