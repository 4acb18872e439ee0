// A lock that nobody else wants, taken and given back again and again, in several surroundings:
// what a pair costs depends on what the processor does just before and after it.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_UNCONTENDED_H_
#define RQLOCKDEP_TESTS_BENCHMARK_UNCONTENDED_H_

#include <cstdint>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {

enum class Surroundings {
  kTightLoop,  // nothing but the pair, inline
  kCalls,      // Lock and Unlock are functions that are called
  kSection,    // three increments while the lock is held
  kApart,      // the same, and some 20 ns of multiplications outside
};

template <class Peer>
[[gnu::noinline]] void LockByCall(Peer& lock, typename Peer::Hold& hold) {
  lock.Lock(hold);
}

template <class Peer>
[[gnu::noinline]] void UnlockByCall(Peer& lock, typename Peer::Hold& hold) {
  lock.Unlock(hold);
}

// A function for each, so that the compiler sees the loop alone, and a lock with a constant
// address, as lock_benchmark.cc has it.
template <class Peer, Surroundings kSurroundings>
[[gnu::noinline]] uint64_t UncontendedLoop(int64_t pairs) {
  constexpr int64_t kStepsApart = 20;
  alignas(128) static Peer lock;
  alignas(128) static volatile uint64_t counters[3] = {};
  typename Peer::Hold hold;
  const uint64_t begin = Ticks();
  for (; pairs > 0; --pairs) {
    if constexpr (kSurroundings == Surroundings::kCalls) {
      LockByCall(lock, hold);
      UnlockByCall(lock, hold);
    } else {
      lock.Lock(hold);
      asm volatile("" ::: "memory");
      if constexpr (kSurroundings != Surroundings::kTightLoop) {
        for (volatile uint64_t& counter : counters) counter = counter + 1;
      }
      lock.Unlock(hold);
      if constexpr (kSurroundings == Surroundings::kApart) Compute(kStepsApart);
    }
  }
  return Ticks() - begin;
}

template <class Peer>
uint64_t UncontendedTicks(Surroundings surroundings, int64_t pairs) {
  switch (surroundings) {
    case Surroundings::kTightLoop:
      return UncontendedLoop<Peer, Surroundings::kTightLoop>(pairs);
    case Surroundings::kCalls:
      return UncontendedLoop<Peer, Surroundings::kCalls>(pairs);
    case Surroundings::kSection:
      return UncontendedLoop<Peer, Surroundings::kSection>(pairs);
    case Surroundings::kApart:
      return UncontendedLoop<Peer, Surroundings::kApart>(pairs);
  }
  __builtin_unreachable();
}

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_UNCONTENDED_H_
