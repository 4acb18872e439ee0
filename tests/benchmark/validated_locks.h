// The locks of the validator's comparison, with and without their hooks, under one interface:
// constructed from a LockClass, Lock() and Unlock().
#ifndef RQLOCKDEP_TESTS_BENCHMARK_VALIDATED_LOCKS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_VALIDATED_LOCKS_H_

#include <cstdlib>
#include <mutex>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_operations.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"
#include "rqlockdep/validated.h"
#include "tests/benchmark/hook_library.h"

namespace rqlockdep::benchmark {

// ResilientSpinlock without its hooks: what a build without the validator contains. It cannot be
// held recursively or contended here.
class BareResilient {
 public:
  explicit BareResilient(const LockClass&) {}
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
  explicit Resilient(const LockClass& lock_class) : lock_(lock_class) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    if (lock_.Acquire() != LockResult::kOk) std::abort();
  }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  ResilientSpinlock lock_;
};

// A lock that knows its class and has lock() and unlock().
template <typename SomeLock>
class Classed {
 public:
  explicit Classed(const LockClass& lock_class) : lock_(lock_class) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  SomeLock lock_;
};
using Queued = Classed<QueuedSpinlock>;
using ValidatedMutex = Classed<Validated<std::mutex>>;

class PlainMutex {
 public:
  explicit PlainMutex(const LockClass&) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.unlock(); }

 private:
  std::mutex lock_;
};

// ValidatedMutex with the hooks and the whole validator in a shared library.
class LibraryMutex {
 public:
  explicit LibraryMutex(const LockClass& lock_class) : map_(LockKind::kMutex, lock_class) {}
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    constexpr hooks::PlainArguments kArguments(
        {.strength = Strength::kBlocking, .kind = LockKind::kMutex});
    LibraryHooks().acquire(map_, kArguments);
    if (!lock_.try_lock()) std::abort();  // nobody else wants it here
  }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    LibraryHooks().release(map_);
    lock_.unlock();
  }

 private:
  hooks::LockMap map_;
  std::mutex lock_;
};

// absl::Mutex with its deadlock detector, which Debian's library has compiled in, off or on.
template <absl::OnDeadlockCycle kMode>
class AbslMutex {
 public:
  explicit AbslMutex(const LockClass&) {}
  // The mode is one for all; so before each slice.
  static void Prepare() { absl::SetMutexDeadlockDetectionMode(kMode); }
  void Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Lock(); }
  void Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { lock_.Unlock(); }

 private:
  absl::Mutex lock_;
};
using AbslIgnored = AbslMutex<absl::OnDeadlockCycle::kIgnore>;
using AbslDetecting = AbslMutex<absl::OnDeadlockCycle::kReport>;

template <typename Lock>
void Prepare() {
  if constexpr (requires { Lock::Prepare(); }) Lock::Prepare();
}

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_VALIDATED_LOCKS_H_
