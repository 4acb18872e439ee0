// ResilientLockGuard: takes a ResilientSpinlock in its scope, if it can, and remembers whether it
// did.
//
//   ResilientLockGuard guard(lock);
//   if (!guard) return NegativeErrno(guard.result());
//
// The destructor gives back exactly what the constructor got. Same costs and signal safety as the
// lock's own functions. Clang's thread safety analysis treats the scope as holding the lock, so it
// cannot tell when the check was forgotten.
#ifndef RQLOCKDEP_RESILIENT_LOCK_GUARD_H_
#define RQLOCKDEP_RESILIENT_LOCK_GUARD_H_

#include <chrono>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/nested.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"

namespace rqlockdep {

class RQLOCKDEP_SCOPED_CAPABILITY [[nodiscard]] ResilientLockGuard {
 public:
  // Acquires `lock`, which must outlive the guard, with the default limit.
  explicit ResilientLockGuard(ResilientSpinlock& lock, const Nested& nested = {})
      RQLOCKDEP_ACQUIRE(lock)
      : lock_(lock), result_(lock.Acquire(nested)) {}
  // The same with the caller's limit.
  template <class Rep, class Period>
  ResilientLockGuard(ResilientSpinlock& lock, const std::chrono::duration<Rep, Period>& limit,
                     const Nested& nested = {}) RQLOCKDEP_ACQUIRE(lock)
      : lock_(lock), result_(lock.AcquireFor(limit, nested)) {}
  ResilientLockGuard(const ResilientLockGuard&) = delete;
  ResilientLockGuard& operator=(const ResilientLockGuard&) = delete;
  ~ResilientLockGuard() RQLOCKDEP_RELEASE() { ReleaseIfOwned(); }

  // Whether the guard got the lock.
  [[nodiscard]] bool owns_lock() const { return result_ == LockResult::kOk; }
  [[nodiscard]] explicit operator bool() const { return owns_lock(); }
  // How the acquisition ended.
  LockResult result() const { return result_; }

 private:
  void ReleaseIfOwned() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    if (owns_lock()) lock_.unlock();
  }

  ResilientSpinlock& lock_;
  const LockResult result_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_RESILIENT_LOCK_GUARD_H_
