// Validated<Mutex>: a mutex that somebody else wrote, with the validator's hooks. A drop-in for
//
//   std::mutex, std::timed_mutex, std::recursive_mutex, std::recursive_timed_mutex,
//   std::shared_mutex, std::shared_timed_mutex       (absl::Mutex: rqlockdep/validated_absl.h)
//
// and for any class with their interface. Change `std::mutex mutex_;` to
// `rqlockdep::Validated<std::mutex> mutex_;`, and every lock of this class is checked:
//
//   rqlockdep::Validated<std::mutex> mutex;
//   std::scoped_lock guard(mutex);
//
// It has exactly those of lock, try_lock, try_lock_for, try_lock_until, unlock and their _shared
// forms that Mutex has. They do what Mutex's do, with one addition while the validator is on: where
// Mutex has a try_lock, lock() and the timed functions call it first, so that the validator learns
// which acquisitions really wait. That is as if the try had been in the program: it cannot fail for
// long where lock() would succeed, but it may overtake a waiter where Mutex is strictly fair.
//
// Costs: nothing with the validator off: same size, and every call is inlined to Mutex's. On: what
// the hooks cost (the README's table, measured by tests/benchmark/validator_comparison.cc), and 24
// bytes.
//
// std::condition_variable takes std::unique_lock<std::mutex> only: use std::condition_variable_any,
// which waits with unlock() and lock() and so is validated, or `underlying()` with care: what goes
// through it the validator does not see, and a lock must be given back the way it was taken.
//
// Threads and signals: as Mutex. ThreadSanitizer sees what it sees of Mutex: that of g++ 12 does
// not know what try_lock_for and try_lock_until of the standard's mutexes call, and reports races
// that are none, without the validator too.
#ifndef RQLOCKDEP_VALIDATED_H_
#define RQLOCKDEP_VALIDATED_H_

#include <mutex>
#include <utility>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/thread_annotations.h"

namespace rqlockdep {

// Which kind of lock a Mutex is, for the validator. Specialise it for classes for which this guess
// is wrong: what can be shared is a kRwsem (readers are not recursive: the C++ standard leaves a
// second lock_shared() of one thread undefined), everything else a kMutex.
template <typename Mutex>
struct LockKindOf {
  static constexpr LockKind value = requires(Mutex & mutex) { mutex.lock_shared(); }
  ? LockKind::kRwsem : LockKind::kMutex;
};
template <>
struct LockKindOf<std::recursive_mutex> {
  static constexpr LockKind value = LockKind::kRecursiveMutex;
};
template <>
struct LockKindOf<std::recursive_timed_mutex> {
  static constexpr LockKind value = LockKind::kRecursiveMutex;
};

namespace internal {

// Which parts of a mutex's interface a class has.
template <typename Mutex>
concept HasLock = requires(Mutex& mutex) {
  mutex.lock();
};
template <typename Mutex>
concept HasTryLock = requires(Mutex& mutex) {
  mutex.try_lock();
};
template <typename Mutex>
concept HasUnlock = requires(Mutex& mutex) {
  mutex.unlock();
};
template <typename Mutex>
concept HasLockShared = requires(Mutex& mutex) {
  mutex.lock_shared();
};
template <typename Mutex>
concept HasTryLockShared = requires(Mutex& mutex) {
  mutex.try_lock_shared();
};
template <typename Mutex>
concept HasUnlockShared = requires(Mutex& mutex) {
  mutex.unlock_shared();
};
template <typename Mutex, typename Duration>
concept HasTryLockFor = requires(Mutex& mutex, const Duration& duration) {
  mutex.try_lock_for(duration);
};
template <typename Mutex, typename Time>
concept HasTryLockUntil = requires(Mutex& mutex, const Time& time) {
  mutex.try_lock_until(time);
};
template <typename Mutex, typename Duration>
concept HasTryLockSharedFor = requires(Mutex& mutex, const Duration& duration) {
  mutex.try_lock_shared_for(duration);
};
template <typename Mutex, typename Time>
concept HasTryLockSharedUntil = requires(Mutex& mutex, const Time& time) {
  mutex.try_lock_shared_until(time);
};
template <typename Mutex>
concept HasNativeHandle = requires(Mutex& mutex) {
  mutex.native_handle();
};

// Tells the validator of one wait: that it begins, and, when it ends by return or by an exception,
// how.
class WaitScope {
 public:
#if RQLOCKDEP_VALIDATOR
  explicit WaitScope(hooks::LockMap& map) : map_(map) { hooks::Waiting(map_, nullptr, nullptr); }
  ~WaitScope() {
    if (got_it_) {
      hooks::Acquired(map_);
    } else {
      hooks::Failed(map_, FailReason::kTimedOut);
    }
  }
  bool Got(bool got_it) { return got_it_ = got_it; }

 private:
  hooks::LockMap& map_;
  bool got_it_ = false;
#else
  explicit WaitScope(hooks::LockMap&) {}
  bool Got(bool got_it) { return got_it; }
#endif
};

// A wait for a condition, which gives the lock back and takes it again. To the validator that is a
// release and an acquisition that waits all the time: whatever wakes the thread, it cannot go on
// without the lock. Also when it ends by an exception (a cancelled thread) it has the lock, if it
// had it before.
class ConditionScope {
 public:
#if RQLOCKDEP_VALIDATOR
  ConditionScope(hooks::LockMap& map, const hooks::AcquireArguments& arguments) : map_(map) {
    hooks::Release(map_);
    hooks::Acquire(map_, arguments);
    hooks::Waiting(map_, nullptr, nullptr);
  }
  ~ConditionScope() {
    if (got_it_) {
      hooks::Acquired(map_);
    } else {
      hooks::Failed(map_, FailReason::kBusy);
    }
  }
  ConditionScope(const ConditionScope&) = delete;
  ConditionScope& operator=(const ConditionScope&) = delete;
  // The lock was not the caller's and is not now.
  void NotGot() { got_it_ = false; }

 private:
  hooks::LockMap& map_;
  bool got_it_ = true;
#else
  ConditionScope(hooks::LockMap&, const hooks::AcquireArguments&) {}
  void NotGot() {}
#endif
};

}  // namespace internal

template <typename Mutex>
class RQLOCKDEP_CAPABILITY("mutex") Validated {
 public:
  // The validator's lock class is the place where the lock is constructed, or its symbol. `hint` is
  // never given.
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr Validated(hooks::ConstructionHint hint = {})
      : map_(LockKindOf<Mutex>::value, hint), mutex_() {}
  // The validator's lock class is `lock_class`, which must outlive the lock; Mutex is constructed
  // from the rest.
  template <typename... Arguments>
  constexpr explicit Validated(const LockClass& lock_class, Arguments&&... arguments)
      : map_(LockKindOf<Mutex>::value, lock_class), mutex_(std::forward<Arguments>(arguments)...) {}
  Validated(const Validated&) = delete;
  Validated& operator=(const Validated&) = delete;
#if RQLOCKDEP_VALIDATOR
  ~Validated() { hooks::Destroy(map_); }
#endif

  RQLOCKDEP_ACQUIRE()
  RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS void lock() requires internal::HasLock<Mutex> {
    hooks::Acquire(map_, Arguments(LockMode::kExclusive, Strength::kBlocking));
    if constexpr (kLooksBeforeItWaits && internal::HasTryLock<Mutex>) {
      if (mutex_.try_lock()) return;
    }
    internal::WaitScope wait(map_);
    mutex_.lock();
    wait.Got(true);
  }

  [[nodiscard]] RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS
      bool try_lock() requires internal::HasTryLock<Mutex> {
    const bool got_it = mutex_.try_lock();
    hooks::TryAcquire(map_, Arguments(LockMode::kExclusive, Strength::kTry), got_it);
    return got_it;
  }

  template <typename Duration>
  [[nodiscard]] RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS bool try_lock_for(
      const Duration& duration) requires internal::HasTryLockFor<Mutex, Duration> {
    hooks::Acquire(map_, Arguments(LockMode::kExclusive, Strength::kTimed));
    if constexpr (kLooksBeforeItWaits) {
      if (mutex_.try_lock()) return true;
    }
    internal::WaitScope wait(map_);
    return wait.Got(mutex_.try_lock_for(duration));
  }

  template <typename Time>
  [[nodiscard]] RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS
      bool try_lock_until(const Time& time) requires internal::HasTryLockUntil<Mutex, Time> {
    hooks::Acquire(map_, Arguments(LockMode::kExclusive, Strength::kTimed));
    if constexpr (kLooksBeforeItWaits) {
      if (mutex_.try_lock()) return true;
    }
    internal::WaitScope wait(map_);
    return wait.Got(mutex_.try_lock_until(time));
  }

  RQLOCKDEP_RELEASE()
  RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS void unlock() requires internal::HasUnlock<Mutex> {
    hooks::Release(map_);
    mutex_.unlock();
  }

  RQLOCKDEP_THREAD_ATTRIBUTE(acquire_shared_capability())
  RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS void lock_shared() requires internal::HasLockShared<Mutex> {
    hooks::Acquire(map_, Arguments(LockMode::kReader, Strength::kBlocking));
    if constexpr (kLooksBeforeItWaits && internal::HasTryLockShared<Mutex>) {
      if (mutex_.try_lock_shared()) return;
    }
    internal::WaitScope wait(map_);
    mutex_.lock_shared();
    wait.Got(true);
  }

  [[nodiscard]] RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_shared_capability(true))
      RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS
      bool try_lock_shared() requires internal::HasTryLockShared<Mutex> {
    const bool got_it = mutex_.try_lock_shared();
    hooks::TryAcquire(map_, Arguments(LockMode::kReader, Strength::kTry), got_it);
    return got_it;
  }

  template <typename Duration>
  [[nodiscard]] RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_shared_capability(true))
      RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS bool try_lock_shared_for(
          const Duration& duration) requires internal::HasTryLockSharedFor<Mutex, Duration> {
    hooks::Acquire(map_, Arguments(LockMode::kReader, Strength::kTimed));
    if constexpr (kLooksBeforeItWaits) {
      if (mutex_.try_lock_shared()) return true;
    }
    internal::WaitScope wait(map_);
    return wait.Got(mutex_.try_lock_shared_for(duration));
  }

  template <typename Time>
  [[nodiscard]] RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_shared_capability(true))
      RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS bool try_lock_shared_until(const Time& time) requires
      requires(Mutex& mutex) {
    mutex.try_lock_shared_until(time);
  }
  {
    hooks::Acquire(map_, Arguments(LockMode::kReader, Strength::kTimed));
    if constexpr (kLooksBeforeItWaits) {
      if (mutex_.try_lock_shared()) return true;
    }
    internal::WaitScope wait(map_);
    return wait.Got(mutex_.try_lock_shared_until(time));
  }

  RQLOCKDEP_THREAD_ATTRIBUTE(release_shared_capability())
  RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS void unlock_shared() requires
      internal::HasUnlockShared<Mutex> {
    hooks::Release(map_);
    mutex_.unlock_shared();
  }

  decltype(auto) native_handle() requires internal::HasNativeHandle<Mutex> {
    return mutex_.native_handle();
  }

  // The mutex itself, behind the validator's back.
  Mutex& underlying() { return mutex_; }

  // Tells Clang's thread safety analysis that the lock is held. Does nothing else.
  void AssertHeld() const RQLOCKDEP_ASSERT_HELD(this) {}

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
  // Without the validator nobody wants to know, and lock() is lock().
  static constexpr bool kLooksBeforeItWaits = RQLOCKDEP_VALIDATOR != 0;

  static constexpr hooks::AcquireArguments Arguments(LockMode mode, Strength strength) {
    return {.mode = mode, .strength = strength, .kind = LockKindOf<Mutex>::value};
  }

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  Mutex mutex_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATED_H_
