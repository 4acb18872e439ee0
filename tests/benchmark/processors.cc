#include "tests/benchmark/processors.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "tests/benchmark/statistics.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

constexpr int kBatches = 21;
constexpr uint32_t kTripsPerBatch = 500;

// The line that travels. Even: the first thread's turn.
struct alignas(128) Ball {
  std::atomic<uint32_t> turn{0};
};

void AwaitTurn(const Ball& ball, uint32_t turn) {
  // Acquire is not needed, nothing else is shared. After a while yield: the other may have lost its
  // processor to somebody who is on ours.
  for (int i = 0; ball.turn.load(std::memory_order_relaxed) != turn; ++i) {
    if (i > 100'000) std::this_thread::yield();
  }
}

}  // namespace

std::vector<int> AllowedProcessors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &allowed)) processors.push_back(i);
  }
  return processors;
}

bool PinTo(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  return pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0;
}

double RoundTripNanoseconds(int a, int b) {
  constexpr uint32_t kTrips = kBatches * kTripsPerBatch;
  // Not on the stack, for AddressSanitizer's fake stack aligns to 64 bytes only.
  const auto on_heap = std::make_unique<Ball>();
  Ball& ball = *on_heap;
  bool pinned_a = false;
  bool pinned_b = false;
  std::vector<double> batches;
  std::thread first([&] {
    pinned_a = PinTo(a);
    for (uint32_t trip = 0; trip < kTrips;) {
      const uint64_t begin = Ticks();
      for (uint32_t i = 0; i < kTripsPerBatch; ++i, ++trip) {
        ball.turn.store(2 * trip + 1, std::memory_order_relaxed);
        AwaitTurn(ball, 2 * trip + 2);
      }
      batches.push_back(static_cast<double>(Ticks() - begin) * NanosecondsPerTick() /
                        kTripsPerBatch);
    }
  });
  std::thread second([&] {
    pinned_b = PinTo(b);
    for (uint32_t trip = 0; trip < kTrips; ++trip) {
      AwaitTurn(ball, 2 * trip + 1);
      ball.turn.store(2 * trip + 2, std::memory_order_relaxed);
    }
  });
  first.join();
  second.join();
  if (!pinned_a || !pinned_b) return std::numeric_limits<double>::quiet_NaN();
  return Median(std::move(batches));
}

}  // namespace rqlockdep::benchmark
