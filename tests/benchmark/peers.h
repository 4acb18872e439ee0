// The locks that are compared, each with the same face:
//
//   struct Hold                what an acquisition needs besides the lock; on the stack of the
//                              thread, which may use it again
//   void Lock(Hold&), Unlock(Hold&)
//   static constexpr char kName[]
#ifndef RQLOCKDEP_TESTS_BENCHMARK_PEERS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_PEERS_H_

#include <pthread.h>
#include <tbb/queuing_mutex.h>
#include <tbb/spin_mutex.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"
#include "tests/benchmark/ck_mcs.h"

namespace rqlockdep::benchmark {

struct NoHold {};

// The floor: one locked operation to get in, a plain store to get out.
class BareXchg {
 public:
  static constexpr char kName[] = "bare_xchg";
  using Hold = NoHold;
  void Lock(Hold&) {
    while (locked_.exchange(1, std::memory_order_acquire) != 0) {
      while (locked_.load(std::memory_order_relaxed) != 0) Pause();
    }
  }
  void Unlock(Hold&) { locked_.store(0, std::memory_order_release); }

 private:
  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }

  std::atomic<uint8_t> locked_{0};
};

class PthreadSpin {
 public:
  static constexpr char kName[] = "pthread_spin";
  using Hold = NoHold;
  PthreadSpin() { pthread_spin_init(&lock_, PTHREAD_PROCESS_PRIVATE); }
  ~PthreadSpin() { pthread_spin_destroy(&lock_); }
  PthreadSpin(const PthreadSpin&) = delete;
  PthreadSpin& operator=(const PthreadSpin&) = delete;
  void Lock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { pthread_spin_lock(&lock_); }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { pthread_spin_unlock(&lock_); }

 private:
  pthread_spinlock_t lock_;
};

class StdMutex {
 public:
  static constexpr char kName[] = "std_mutex";
  using Hold = NoHold;
  void Lock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  std::mutex lock_;
};

class AbslMutex {
 public:
  static constexpr char kName[] = "absl_mutex";
  using Hold = NoHold;
  void Lock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Lock(); }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Unlock(); }

 private:
  absl::Mutex lock_;
};

class TbbSpin {
 public:
  static constexpr char kName[] = "tbb_spin";
  using Hold = NoHold;
  void Lock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  tbb::spin_mutex lock_;
};

class TbbQueuing {
 public:
  static constexpr char kName[] = "tbb_queuing";
  using Hold = tbb::queuing_mutex::scoped_lock;
  void Lock(Hold& hold) { hold.acquire(lock_); }
  void Unlock(Hold& hold) { hold.release(); }

 private:
  tbb::queuing_mutex lock_;
};

class CkMcs {
 public:
  static constexpr char kName[] = "ck_mcs";
  using Hold = CkMcsNode;
  void Lock(Hold& hold) { CkMcsLock(&queue_, &hold); }
  void Unlock(Hold& hold) { CkMcsUnlock(&queue_, &hold); }

 private:
  void* queue_ = nullptr;
};

class Queued {
 public:
  static constexpr char kName[] = "queued";
  using Hold = NoHold;
  void Lock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  QueuedSpinlock lock_;
};

// With its default limit. An acquisition that reaches it tries again, and the wait goes on.
class Resilient {
 public:
  static constexpr char kName[] = "resilient";
  struct Hold {
    uint64_t timeouts = 0;
    uint64_t deadlocks = 0;  // false ones: there is one lock only, and nobody takes it twice
  };
  void Lock(Hold& hold) {
    for (;;) {
      const LockResult result = lock_.Acquire();
      if (result == LockResult::kOk) [[likely]]
        return;
      ++(result == LockResult::kTimedOut ? hold.timeouts : hold.deadlocks);
    }
  }
  void Unlock(Hold&) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  ResilientSpinlock lock_;
};

// visit.template operator()<Peer>() for each of them, in the order of the tables.
template <class Visitor>
void ForEachPeer(Visitor visit) {
  visit.template operator()<BareXchg>();
  visit.template operator()<PthreadSpin>();
  visit.template operator()<StdMutex>();
  visit.template operator()<AbslMutex>();
  visit.template operator()<TbbSpin>();
  visit.template operator()<TbbQueuing>();
  visit.template operator()<CkMcs>();
  visit.template operator()<Queued>();
  visit.template operator()<Resilient>();
}

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_PEERS_H_
