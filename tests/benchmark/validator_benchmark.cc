// What the validator adds to a lock, once the orders are known. Only differences within one
// interleaved run count:
//
//   bazel run -c opt --//:validator=on //tests/benchmark:validator_benchmark --
//     --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
//     --benchmark_report_aggregates_only=true
//
// and read the medians. Each item is an acquisition and a release while `depth` - 1 other locks are
// held. "Bare" is the same lock's own fast path without the hooks, which is what a build without
// the validator contains; "resilient" is ResilientSpinlock with them. absl::Mutex with its deadlock
// detector off and on is the peer (Debian's library has the detector compiled in). Two threads use
// locks of their own, of the same classes.
#include <array>
#include <deque>
#include <mutex>

#include "absl/synchronization/mutex.h"
#include "benchmark/benchmark.h"
#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_operations.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"
#include "rqlockdep/validated.h"

namespace {

constexpr int kMaxDepth = 16;

constexpr std::array<const char*, kMaxDepth> kNames = {
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"};
// One set for each type: a class has locks of one kind.
template <typename Lock>
std::deque<rqlockdep::LockClass>& Classes() {
  static auto* classes = [] {
    auto* made = new std::deque<rqlockdep::LockClass>();
    for (const char* name : kNames) made->emplace_back(name);
    return made;
  }();
  return *classes;
}

// The lock without its hooks. It cannot be held recursively or contended here.
class Bare {
 public:
  explicit Bare(const rqlockdep::LockClass&) {}
  void Lock() {
    rqlockdep::internal::Cell* attempt;
    if (!Fast::Acquire(word_, *rqlockdep::internal::thread_cursor, &attempt)) [[unlikely]] {
      (void)rqlockdep::internal::TryAcquireSlow(word_, attempt);
    }
  }
  void Unlock() {
    if (!Fast::Release(word_, *rqlockdep::internal::thread_cursor)) [[unlikely]] {
      rqlockdep::internal::ReleaseSlow(word_);
    }
  }

 private:
  using Fast = rqlockdep::internal::FastPath<rqlockdep::internal::NativeAtomics>;
  rqlockdep::internal::LockWord word_;
};

class Resilient {
 public:
  explicit Resilient(const rqlockdep::LockClass& lock_class) : lock_(lock_class) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    if (lock_.Acquire() != rqlockdep::LockResult::kOk) std::abort();
  }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  rqlockdep::ResilientSpinlock lock_;
};

class StdMutex {
 public:
  explicit StdMutex(const rqlockdep::LockClass&) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  std::mutex lock_;
};

class ValidatedStdMutex {
 public:
  explicit ValidatedStdMutex(const rqlockdep::LockClass& lock_class) : lock_(lock_class) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  rqlockdep::Validated<std::mutex> lock_;
};

template <absl::OnDeadlockCycle kMode>
class AbslMutex {
 public:
  explicit AbslMutex(const rqlockdep::LockClass&) {}
  static void SetUp() { absl::SetMutexDeadlockDetectionMode(kMode); }
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Unlock(); }

 private:
  absl::Mutex lock_;
};

template <typename Lock>
void AcquireRelease(benchmark::State& state) {
  if constexpr (requires { Lock::SetUp(); }) Lock::SetUp();
  const auto depth = static_cast<size_t>(state.range(0));
  std::deque<Lock> locks;
  for (size_t i = 0; i < depth; ++i) locks.emplace_back(Classes<Lock>()[i]);
  for (size_t i = 0; i + 1 < depth; ++i) locks[i].Lock();
  Lock& innermost = locks.back();
  for (auto _ : state) {
    innermost.Lock();
    benchmark::ClobberMemory();
    innermost.Unlock();
  }
  for (size_t i = depth - 1; i-- > 0;) locks[i].Unlock();
}

#define DEPTHS Arg(1)->Arg(2)->Arg(4)->Arg(8)->Arg(16)
BENCHMARK_TEMPLATE(AcquireRelease, Bare)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, Resilient)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, StdMutex)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, ValidatedStdMutex)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, AbslMutex<absl::OnDeadlockCycle::kIgnore>)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, AbslMutex<absl::OnDeadlockCycle::kReport>)->DEPTHS;
BENCHMARK_TEMPLATE(AcquireRelease, Resilient)->Arg(1)->Arg(4)->Threads(2);
BENCHMARK_TEMPLATE(AcquireRelease, Bare)->Arg(1)->Arg(4)->Threads(2);
BENCHMARK_TEMPLATE(AcquireRelease, AbslMutex<absl::OnDeadlockCycle::kReport>)
    ->Arg(1)
    ->Arg(4)
    ->Threads(2);

}  // namespace

BENCHMARK_MAIN();
