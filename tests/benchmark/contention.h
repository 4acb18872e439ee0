// One round of threads that compete for one lock. Each thread computes outside the lock, takes it,
// increments a counter that it guards, computes some more, and gives it back.
//
// Rounds end by the clock, not by a number of operations, so a slow lock takes no longer than a
// fast one.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_H_
#define RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/processors.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/wait_histogram.h"

namespace rqlockdep::benchmark {

struct ContentionSetup {
  int threads = 2;
  std::vector<int> processors;  // thread i is pinned to the i-th; empty: not pinned
  int64_t outside_steps = 0;    // of Compute()
  int64_t inside_steps = 0;
  std::chrono::duration<double> length{};
  // Every acquisition is timed, which costs about as much for any lock, but takes its share of the
  // throughput. So throughput and waits are measured in rounds of their own.
  bool time_waits = false;
};

struct ContentionResult {
  double operations_per_second = 0;  // all threads together
  std::vector<uint64_t> shares;      // operations of each thread
  WaitHistogram waits;               // ticks; empty unless time_waits
  bool excluded = false;             // the counter has lost no increment
  uint64_t timeouts = 0;             // of a resilient lock
  uint64_t deadlocks = 0;            // of a resilient lock; each of them is false
};

namespace internal {

enum class Phase : int { kWarmUp, kMeasure, kStop };

struct alignas(128) ContentionThread {
  // Written by its thread and read by the one that measures; relaxed, for the count alone is read.
  std::atomic<uint64_t> operations{0};
  WaitHistogram waits;
  uint64_t timeouts = 0;
  uint64_t deadlocks = 0;
};

template <class Peer>
struct alignas(128) ContendedLock {
  Peer lock;
  // Guarded by the lock. Atomic, so that a lock which does not exclude is found by a wrong count
  // and not by undefined behaviour; a relaxed load and store are what a plain increment is.
  alignas(128) std::atomic<uint64_t> counter{0};
  // Read by all; on a line that nobody writes meanwhile. Relaxed: it carries no data.
  alignas(128) std::atomic<Phase> phase{Phase::kWarmUp};
};

template <bool kTimeWaits, class Peer>
void Compete(ContendedLock<Peer>& shared, const ContentionSetup& setup, ContentionThread& self) {
  typename Peer::Hold hold;
  uint64_t operations = 0;
  for (;;) {
    const Phase phase = shared.phase.load(std::memory_order_relaxed);
    if (phase == Phase::kStop) break;
    Compute(setup.outside_steps);
    [[maybe_unused]] uint64_t begin = 0;
    [[maybe_unused]] uint64_t wait = 0;
    if constexpr (kTimeWaits) begin = Ticks();
    shared.lock.Lock(hold);
    if constexpr (kTimeWaits) wait = Ticks() - begin;
    shared.counter.store(shared.counter.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    Compute(setup.inside_steps);
    shared.lock.Unlock(hold);
    if constexpr (kTimeWaits) {
      // A wait that goes on when the round ends is counted with its full length.
      if (phase == Phase::kMeasure) self.waits.Add(wait);
    }
    self.operations.store(++operations, std::memory_order_relaxed);
  }
  if constexpr (requires { hold.timeouts; }) {
    self.timeouts = hold.timeouts;
    self.deadlocks = hold.deadlocks;
  }
}

inline std::vector<uint64_t> CountOperations(const std::vector<ContentionThread>& threads) {
  std::vector<uint64_t> counts;
  counts.reserve(threads.size());
  for (const ContentionThread& thread : threads) {
    counts.push_back(thread.operations.load(std::memory_order_relaxed));
  }
  return counts;
}

}  // namespace internal

template <class Peer>
ContentionResult Contend(const ContentionSetup& setup) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::duration<double> kLongestWarmUp(0.05);
  // Not on the stack, for AddressSanitizer's fake stack aligns to 64 bytes only.
  const auto on_heap = std::make_unique<internal::ContendedLock<Peer>>();
  internal::ContendedLock<Peer>& shared = *on_heap;
  std::vector<internal::ContentionThread> states(static_cast<size_t>(setup.threads));
  std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < states.size(); ++i) {
    threads.emplace_back([&, i] {
      if (!setup.processors.empty()) PinTo(setup.processors[i % setup.processors.size()]);
      arrived.fetch_add(1, std::memory_order_relaxed);
      if (setup.time_waits) {
        internal::Compete<true>(shared, setup, states[i]);
      } else {
        internal::Compete<false>(shared, setup, states[i]);
      }
    });
  }
  while (arrived.load(std::memory_order_relaxed) != setup.threads) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  std::this_thread::sleep_for(std::min(setup.length / 10, kLongestWarmUp));
  shared.phase.store(internal::Phase::kMeasure, std::memory_order_relaxed);
  const Clock::time_point begin = Clock::now();
  const std::vector<uint64_t> before = internal::CountOperations(states);
  std::this_thread::sleep_for(setup.length);
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  const std::vector<uint64_t> after = internal::CountOperations(states);
  shared.phase.store(internal::Phase::kStop, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();

  ContentionResult result;
  uint64_t measured = 0;
  uint64_t total = 0;
  for (size_t i = 0; i < states.size(); ++i) {
    result.shares.push_back(after[i] - before[i]);
    measured += result.shares.back();
    total += states[i].operations.load(std::memory_order_relaxed);
    result.waits.Merge(states[i].waits);
    result.timeouts += states[i].timeouts;
    result.deadlocks += states[i].deadlocks;
  }
  result.operations_per_second = static_cast<double>(measured) / elapsed.count();
  result.excluded = shared.counter.load(std::memory_order_relaxed) == total;
  return result;
}

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_CONTENTION_H_
