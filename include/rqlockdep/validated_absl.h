// Validated<absl::Mutex>: absl::Mutex with the validator's hooks, under absl's names and under
// those of the standard, so that std::scoped_lock, std::unique_lock and std::shared_lock take it:
//
//   rqlockdep::Validated<absl::Mutex> mutex;
//   std::scoped_lock guard(mutex);               // instead of absl::MutexLock guard(&mutex)
//   std::shared_lock guard(mutex);               // instead of absl::ReaderMutexLock
//   mutex.Wait(condition_variable);              // instead of condition_variable.Wait(&mutex)
//
// Await() and LockWhen() are left out: absl evaluates their conditions on whichever thread unlocks,
// where neither the validator nor ThreadSanitizer could tell what is held. Use an absl::CondVar, or
// std::condition_variable_any.
//
// Costs, and what the hooks see, as in rqlockdep/validated.h. With the validator off: same size,
// and every call is inlined to absl's.
//
// ThreadSanitizer has to be told of the lock where libabsl was built without it (Debian's is): else
// it sees races everywhere. That is done here, in programs built with -fsanitize=thread. It must
// not be done twice: if your absl is instrumented, define RQLOCKDEP_ABSL_HAS_TSAN to 1.
#ifndef RQLOCKDEP_VALIDATED_ABSL_H_
#define RQLOCKDEP_VALIDATED_ABSL_H_

#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "rqlockdep/validated.h"

#ifndef RQLOCKDEP_ABSL_HAS_TSAN
#define RQLOCKDEP_ABSL_HAS_TSAN 0
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RQLOCKDEP_UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RQLOCKDEP_UNDER_TSAN 1
#endif
#if defined(RQLOCKDEP_UNDER_TSAN) && !RQLOCKDEP_ABSL_HAS_TSAN
#include <sanitizer/tsan_interface.h>
#define RQLOCKDEP_TSAN(call) call
#else
#define RQLOCKDEP_TSAN(call) static_cast<void>(0)
#endif

namespace rqlockdep {

// Readers wait for a waiting writer.
template <>
struct LockKindOf<absl::Mutex> {
  static constexpr LockKind value = LockKind::kRwsem;
};

template <>
class RQLOCKDEP_CAPABILITY("mutex") Validated<absl::Mutex> {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr Validated(hooks::ConstructionHint hint = {})
      : map_(LockKindOf<absl::Mutex>::value, hint), mutex_(absl::kConstInit) {}
  constexpr explicit Validated(const LockClass& lock_class)
      : map_(LockKindOf<absl::Mutex>::value, lock_class), mutex_(absl::kConstInit) {}
  constexpr Validated(const LockClass& lock_class, absl::ConstInitType) : Validated(lock_class) {}
  Validated(const Validated&) = delete;
  Validated& operator=(const Validated&) = delete;
#if RQLOCKDEP_VALIDATOR
  ~Validated() {
    hooks::Destroy(map_);
    RQLOCKDEP_TSAN(__tsan_mutex_destroy(&mutex_, __tsan_mutex_linker_init));
  }
#endif

  void Lock() RQLOCKDEP_ACQUIRE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Acquire(map_, Arguments(LockMode::kExclusive, Strength::kBlocking));
    RQLOCKDEP_TSAN(__tsan_mutex_pre_lock(&mutex_, 0));
    if (!kLooksBeforeItWaits || !mutex_.TryLock()) {
      internal::WaitScope wait(map_);
      mutex_.Lock();
      wait.Got(true);
    }
    RQLOCKDEP_TSAN(__tsan_mutex_post_lock(&mutex_, 0, 0));
  }
  [[nodiscard]] bool TryLock() RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    RQLOCKDEP_TSAN(__tsan_mutex_pre_lock(&mutex_, __tsan_mutex_try_lock));
    const bool got_it = mutex_.TryLock();
    RQLOCKDEP_TSAN(__tsan_mutex_post_lock(&mutex_, TryFlags(got_it), 0));
    hooks::TryAcquire(map_, Arguments(LockMode::kExclusive, Strength::kTry), got_it);
    return got_it;
  }
  void Unlock() RQLOCKDEP_RELEASE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Release(map_);
    RQLOCKDEP_TSAN(__tsan_mutex_pre_unlock(&mutex_, 0));
    mutex_.Unlock();
    RQLOCKDEP_TSAN(__tsan_mutex_post_unlock(&mutex_, 0));
  }

  void ReaderLock()
      RQLOCKDEP_THREAD_ATTRIBUTE(acquire_shared_capability()) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Acquire(map_, Arguments(LockMode::kReader, Strength::kBlocking));
    RQLOCKDEP_TSAN(__tsan_mutex_pre_lock(&mutex_, __tsan_mutex_read_lock));
    if (!kLooksBeforeItWaits || !mutex_.ReaderTryLock()) {
      internal::WaitScope wait(map_);
      mutex_.ReaderLock();
      wait.Got(true);
    }
    RQLOCKDEP_TSAN(__tsan_mutex_post_lock(&mutex_, __tsan_mutex_read_lock, 0));
  }
  [[nodiscard]] bool ReaderTryLock() RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_shared_capability(true))
      RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    RQLOCKDEP_TSAN(__tsan_mutex_pre_lock(&mutex_, __tsan_mutex_read_lock | __tsan_mutex_try_lock));
    const bool got_it = mutex_.ReaderTryLock();
    RQLOCKDEP_TSAN(__tsan_mutex_post_lock(&mutex_, __tsan_mutex_read_lock | TryFlags(got_it), 0));
    hooks::TryAcquire(map_, Arguments(LockMode::kReader, Strength::kTry), got_it);
    return got_it;
  }
  void ReaderUnlock()
      RQLOCKDEP_THREAD_ATTRIBUTE(release_shared_capability()) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Release(map_);
    RQLOCKDEP_TSAN(__tsan_mutex_pre_unlock(&mutex_, __tsan_mutex_read_lock));
    mutex_.ReaderUnlock();
    RQLOCKDEP_TSAN(__tsan_mutex_post_unlock(&mutex_, __tsan_mutex_read_lock));
  }

  void WriterLock() RQLOCKDEP_ACQUIRE() { Lock(); }
  [[nodiscard]] bool WriterTryLock() RQLOCKDEP_TRY_ACQUIRE(true) { return TryLock(); }
  void WriterUnlock() RQLOCKDEP_RELEASE() { Unlock(); }

  void AssertHeld() const RQLOCKDEP_ASSERT_HELD(this) { mutex_.AssertHeld(); }

  // Gives the lock, held exclusively, back while it waits for `condition_variable`, and takes it
  // again.
  void Wait(absl::CondVar& condition_variable) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    const ConditionScope scope(*this);
    condition_variable.Wait(&mutex_);
  }
  // True if `timeout` passed without a signal.
  bool WaitWithTimeout(absl::CondVar& condition_variable,
                       absl::Duration timeout) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    const ConditionScope scope(*this);
    return condition_variable.WaitWithTimeout(&mutex_, timeout);
  }

  // The same under the names of the standard.
  void lock() RQLOCKDEP_ACQUIRE() { Lock(); }
  [[nodiscard]] bool try_lock() RQLOCKDEP_TRY_ACQUIRE(true) { return TryLock(); }
  void unlock() RQLOCKDEP_RELEASE() { Unlock(); }
  void lock_shared() RQLOCKDEP_THREAD_ATTRIBUTE(acquire_shared_capability()) { ReaderLock(); }
  [[nodiscard]] bool try_lock_shared()
      RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_shared_capability(true)) {
    return ReaderTryLock();
  }
  void unlock_shared() RQLOCKDEP_THREAD_ATTRIBUTE(release_shared_capability()) { ReaderUnlock(); }

  // The mutex itself, behind the validator's back.
  absl::Mutex& underlying() { return mutex_; }

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
  static constexpr bool kLooksBeforeItWaits = RQLOCKDEP_VALIDATOR != 0;

  static constexpr hooks::AcquireArguments Arguments(LockMode mode, Strength strength) {
    return {.mode = mode, .strength = strength};
  }

#if defined(RQLOCKDEP_UNDER_TSAN) && !RQLOCKDEP_ABSL_HAS_TSAN
  static unsigned TryFlags(bool got_it) {
    return got_it ? __tsan_mutex_try_lock : __tsan_mutex_try_lock | __tsan_mutex_try_lock_failed;
  }
#endif

  // Tells thread sanitizer, too.
  class ConditionScope {
   public:
    explicit ConditionScope([[maybe_unused]] Validated& mutex)
        :
#if defined(RQLOCKDEP_UNDER_TSAN) && !RQLOCKDEP_ABSL_HAS_TSAN
          mutex_(mutex.mutex_),
#endif
          scope_(mutex.map_, Arguments(LockMode::kExclusive, Strength::kBlocking)) {
      RQLOCKDEP_TSAN(__tsan_mutex_pre_unlock(&mutex_, 0));
      RQLOCKDEP_TSAN(__tsan_mutex_post_unlock(&mutex_, 0));
    }
    ~ConditionScope() {
      RQLOCKDEP_TSAN(__tsan_mutex_pre_lock(&mutex_, 0));
      RQLOCKDEP_TSAN(__tsan_mutex_post_lock(&mutex_, 0, 0));
    }
    ConditionScope(const ConditionScope&) = delete;
    ConditionScope& operator=(const ConditionScope&) = delete;

   private:
#if defined(RQLOCKDEP_UNDER_TSAN) && !RQLOCKDEP_ABSL_HAS_TSAN
    absl::Mutex& mutex_;
#endif
    [[no_unique_address]] internal::ConditionScope scope_;
  };

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  absl::Mutex mutex_;
};

}  // namespace rqlockdep

#undef RQLOCKDEP_TSAN

#endif  // RQLOCKDEP_VALIDATED_ABSL_H_
