// What the locks cost, beside what else there is. Only ratios taken in one interleaved run count:
//
//   bazel run -c opt //tests/benchmark:lock_benchmark --
//   --benchmark_enable_random_interleaving=true
//     --benchmark_repetitions=15 --benchmark_report_aggregates_only=true
//
// and read the medians. Uncontended: ns for an acquisition and a release. Contended: the items per
// second of all threads together; each item is a short critical section (three increments) and
// about 74 ns outside.
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "absl/synchronization/mutex.h"
#include "benchmark/benchmark.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/resilient_spinlock.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace {

// Each peer has Lock() and Unlock().

// The floor: one locked operation to get in, a plain store to get out.
class BareXchg {
 public:
  void Lock() {
    while (locked_.exchange(1, std::memory_order_acquire) != 0) {
      while (locked_.load(std::memory_order_relaxed) != 0) __builtin_ia32_pause();
    }
  }
  void Unlock() { locked_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint8_t> locked_{0};
};

class PthreadSpin {
 public:
  PthreadSpin() { pthread_spin_init(&lock_, PTHREAD_PROCESS_PRIVATE); }
  ~PthreadSpin() { pthread_spin_destroy(&lock_); }
  void Lock() { pthread_spin_lock(&lock_); }
  void Unlock() { pthread_spin_unlock(&lock_); }

 private:
  pthread_spinlock_t lock_;
};

class StdMutex {
 public:
  void Lock() { lock_.lock(); }
  void Unlock() { lock_.unlock(); }

 private:
  std::mutex lock_;
};

class AbslMutex {
 public:
  void Lock() { lock_.Lock(); }
  void Unlock() { lock_.Unlock(); }

 private:
  absl::Mutex lock_;
};

class Queued {
 public:
  void Lock() { lock_.lock(); }
  void Unlock() { lock_.unlock(); }

 private:
  rqlockdep::QueuedSpinlock lock_;
};

class Resilient {
 public:
  void Lock() {
    while (lock_.Acquire() != rqlockdep::LockResult::kOk) {
    }
  }
  void Unlock() { lock_.unlock(); }

 private:
  rqlockdep::ResilientSpinlock lock_;
};

class ResilientOutOfLine {
 public:
  ResilientOutOfLine() { raw_res_spin_lock_init(&lock_); }
  void Lock() {
    while (res_spin_lock(&lock_) != 0) {
    }
  }
  void Unlock() { res_spin_unlock(&lock_); }

 private:
  rqspinlock_t lock_;
};

template <class Peer>
void Uncontended(benchmark::State& state) {
  static Peer lock;
  for (auto _ : state) {
    lock.Lock();
    lock.Unlock();
  }
}

// The innermost of `range` nested locks.
template <class Peer>
void Nested(benchmark::State& state) {
  static Peer locks[8];
  const int64_t outer = state.range(0) - 1;
  for (int64_t i = 0; i < outer; ++i) locks[i].Lock();
  for (auto _ : state) {
    locks[outer].Lock();
    locks[outer].Unlock();
  }
  for (int64_t i = outer; i-- > 0;) locks[i].Unlock();
}

// Two locks taken and given back inside each other.
template <class Peer>
void NestedPairs(benchmark::State& state) {
  static Peer locks[2];
  for (auto _ : state) {
    locks[0].Lock();
    locks[1].Lock();
    locks[1].Unlock();
    locks[0].Unlock();
  }
}

template <class Peer>
struct alignas(128) Contention {
  Peer lock;
  alignas(128) volatile uint64_t counters[3] = {};
};

template <class Peer>
void Contended(benchmark::State& state) {
  static Contention<Peer> shared;
  uint64_t outside = 1;
  for (auto _ : state) {
    shared.lock.Lock();
    for (volatile uint64_t& counter : shared.counters) counter = counter + 1;
    shared.lock.Unlock();
    for (int i = 0; i < 40; ++i) {
      outside = outside * 6364136223846793005u + 1442695040888963407u;
      benchmark::DoNotOptimize(outside);
    }
  }
  state.SetItemsProcessed(state.iterations());
}

#define FOR_EACH_PEER(benchmark_of) \
  benchmark_of(BareXchg);           \
  benchmark_of(PthreadSpin);        \
  benchmark_of(StdMutex);           \
  benchmark_of(AbslMutex);          \
  benchmark_of(Queued);             \
  benchmark_of(Resilient)

#define UNCONTENDED(Peer) BENCHMARK_TEMPLATE(Uncontended, Peer)
FOR_EACH_PEER(UNCONTENDED);
BENCHMARK_TEMPLATE(Uncontended, ResilientOutOfLine);
BENCHMARK_TEMPLATE(Nested, Resilient)->Arg(1)->Arg(2)->Arg(4)->Arg(8);
BENCHMARK_TEMPLATE(NestedPairs, BareXchg);
BENCHMARK_TEMPLATE(NestedPairs, StdMutex);
BENCHMARK_TEMPLATE(NestedPairs, Resilient);

#define CONTENDED(Peer)               \
  BENCHMARK_TEMPLATE(Contended, Peer) \
      ->Threads(2)                    \
      ->Threads(4)                    \
      ->Threads(8)                    \
      ->Threads(16)                   \
      ->UseRealTime()
FOR_EACH_PEER(CONTENDED);

}  // namespace

BENCHMARK_MAIN();
