// pthread mutexes and reader/writer locks with the validator's hooks, for programs that use what
// the standard's classes leave out: kinds, attributes, error numbers.
//
//   rqlockdep::ValidatedPthreadMutex mutex;               // instead of pthread_mutex_t
//   if (int error = mutex.Lock()) ...                     // pthread_mutex_lock(&mutex)
//   rqlockdep::ValidatedPthreadRwlock table(&attributes);
//   std::shared_lock guard(table);                        // the standard's guards take them, too
//
// Kinds, from the attributes:
//   PTHREAD_MUTEX_NORMAL, _DEFAULT   a second lock by the owner is recursive-locking, and hangs
//   PTHREAD_MUTEX_ERRORCHECK         the same finding; the call fails with EDEADLK
//   PTHREAD_MUTEX_RECURSIVE          its owner may take it again
//   PTHREAD_RWLOCK_PREFER_READER_NP  recursive readers: only a writer that holds the lock is in the
//                                    way of a reader
//   PTHREAD_RWLOCK_PREFER_WRITER_NP  the same: that is what glibc does, whatever the name says
//   PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
//                                    readers wait for waiting writers, too
// (tests/runtime/reader_writer_test.cc asks glibc.)
//
// While the validator is on, an acquisition tries first, as in rqlockdep/validated.h, so that the
// validator learns which ones really wait. A timed lock that fails at once because the time is over
// may then succeed instead, if the lock is free.
//
// Costs: nothing with the validator off: same size, and every call is inlined to pthread's. On: as
// Validated<std::mutex>, and 24 bytes (a reader/writer lock: 32).
// Threads and signals: as pthread's. Errors: error numbers, as pthread's; the functions with the
// standard's names throw std::system_error instead.
#ifndef RQLOCKDEP_VALIDATED_PTHREAD_H_
#define RQLOCKDEP_VALIDATED_PTHREAD_H_

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <system_error>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/thread_annotations.h"
#include "rqlockdep/validated.h"

namespace rqlockdep {
namespace internal {

// The lock is the caller's, though its last owner may have died with it.
inline bool PthreadOwns(int error) { return error == 0 || error == EOWNERDEAD; }

inline void ThrowUnlessPthreadOwns(int error) {
  if (!PthreadOwns(error)) throw std::system_error(error, std::generic_category());
}

inline constexpr timespec kLongAgo = {0, 0};

// One acquisition of `lock` that may wait. `attempt` is a try; `timed` waits until a time, and
// after one that has passed says EDEADLK, which a try does not, where the caller's own hold is in
// the way; `wait` waits.
template <typename Lock, typename Wait>
[[gnu::always_inline]] inline int AskPthread(
    [[maybe_unused]] hooks::LockMap& map, [[maybe_unused]] const hooks::AcquireArguments& arguments,
    [[maybe_unused]] Lock& lock, [[maybe_unused]] int (*attempt)(Lock*),
    [[maybe_unused]] int (*timed)(Lock*, const timespec*), Wait wait) {
#if RQLOCKDEP_VALIDATOR
  hooks::Acquire(map, arguments);
  int error = attempt(&lock);
  if (error == EBUSY) error = timed(&lock, &kLongAgo);
  if (error != ETIMEDOUT) {
    if (!PthreadOwns(error)) {
      hooks::Failed(map, error == EDEADLK ? FailReason::kDeadlock : FailReason::kBusy);
    }
    return error;
  }
  WaitScope scope(map);
  error = wait();
  scope.Got(PthreadOwns(error));
  return error;
#else
  return wait();
#endif
}

}  // namespace internal

class RQLOCKDEP_CAPABILITY("mutex") ValidatedPthreadMutex {
 public:
  // The validator's lock class is the place where the lock is constructed, or its symbol. `hint` is
  // never given.
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr ValidatedPthreadMutex(hooks::ConstructionHint hint = {})
      : map_(LockKind::kMutex, hint), mutex_(PTHREAD_MUTEX_INITIALIZER) {}
  // As pthread_mutex_init. `attributes` may be null.
  [[gnu::always_inline]] explicit ValidatedPthreadMutex(const pthread_mutexattr_t* attributes,
                                                        hooks::ConstructionHint hint = {})
      : map_(KindOf(attributes), hint), mutex_() {
    Initialise(attributes);
  }
  // The validator's lock class is `lock_class`, which must outlive the lock.
  explicit ValidatedPthreadMutex(const LockClass& lock_class,
                                 const pthread_mutexattr_t* attributes = nullptr)
      : map_(KindOf(attributes), lock_class), mutex_() {
    Initialise(attributes);
  }
  ~ValidatedPthreadMutex() {
    hooks::Destroy(map_);
    pthread_mutex_destroy(&mutex_);
  }
  ValidatedPthreadMutex(const ValidatedPthreadMutex&) = delete;
  ValidatedPthreadMutex& operator=(const ValidatedPthreadMutex&) = delete;

  int Lock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Arguments(Strength::kBlocking), mutex_,
                                &pthread_mutex_trylock, &pthread_mutex_timedlock,
                                [this] { return pthread_mutex_lock(&mutex_); });
  }
  int TryLock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    const int error = pthread_mutex_trylock(&mutex_);
    hooks::TryAcquire(map_, Arguments(Strength::kTry), internal::PthreadOwns(error));
    return error;
  }
  // Until `time` of CLOCK_REALTIME.
  int TimedLock(const timespec& time) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Arguments(Strength::kTimed), mutex_, &pthread_mutex_trylock,
                                &pthread_mutex_timedlock,
                                [&] { return pthread_mutex_timedlock(&mutex_, &time); });
  }
  int Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Release(map_);
    return pthread_mutex_unlock(&mutex_);
  }

  // Gives the lock back while it waits for `condition`, and takes it again.
  int Wait(pthread_cond_t& condition) {
    internal::ConditionScope scope(map_, Arguments(Strength::kBlocking));
    return Waited(scope, pthread_cond_wait(&condition, &mutex_));
  }
  int TimedWait(pthread_cond_t& condition, const timespec& time) {
    internal::ConditionScope scope(map_, Arguments(Strength::kBlocking));
    return Waited(scope, pthread_cond_timedwait(&condition, &mutex_, &time));
  }

  // The same under the names of the standard.
  void lock() RQLOCKDEP_ACQUIRE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    internal::ThrowUnlessPthreadOwns(Lock());
  }
  [[nodiscard]] bool try_lock() RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::PthreadOwns(TryLock());
  }
  void unlock() RQLOCKDEP_RELEASE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { Unlock(); }

  // The mutex itself, behind the validator's back.
  pthread_mutex_t* native_handle() { return &mutex_; }

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
  static LockKind KindOf(const pthread_mutexattr_t* attributes) {
    int type = PTHREAD_MUTEX_DEFAULT;
    if (attributes != nullptr) pthread_mutexattr_gettype(attributes, &type);
    return type == PTHREAD_MUTEX_RECURSIVE ? LockKind::kRecursiveMutex : LockKind::kMutex;
  }
  void Initialise(const pthread_mutexattr_t* attributes) {
    const int error = pthread_mutex_init(&mutex_, attributes);
    if (error != 0) throw std::system_error(error, std::generic_category());
  }
  // An error-checking or robust mutex that is not the caller's is left alone.
  static int Waited(internal::ConditionScope& scope, int error) {
    if (error == EPERM) scope.NotGot();
    return error;
  }
  static constexpr hooks::AcquireArguments Arguments(Strength strength) {
    return {.mode = LockMode::kExclusive, .strength = strength, .kind = LockKind::kMutex};
  }

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  pthread_mutex_t mutex_;
};

class RQLOCKDEP_CAPABILITY("mutex") ValidatedPthreadRwlock {
 public:
  // As those of ValidatedPthreadMutex. A pthread_rwlock_t may sleep, whatever its kind.
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr ValidatedPthreadRwlock(hooks::ConstructionHint hint = {})
      : map_(LockKind::kRwsem, hint),
        reader_(ReaderMode(PTHREAD_RWLOCK_DEFAULT_NP)),
        lock_(PTHREAD_RWLOCK_INITIALIZER) {}
  [[gnu::always_inline]] explicit ValidatedPthreadRwlock(const pthread_rwlockattr_t* attributes,
                                                         hooks::ConstructionHint hint = {})
      : map_(LockKind::kRwsem, hint), reader_(ReaderMode(attributes)), lock_() {
    Initialise(attributes);
  }
  explicit ValidatedPthreadRwlock(const LockClass& lock_class,
                                  const pthread_rwlockattr_t* attributes = nullptr)
      : map_(LockKind::kRwsem, lock_class), reader_(ReaderMode(attributes)), lock_() {
    Initialise(attributes);
  }
  ~ValidatedPthreadRwlock() {
    hooks::Destroy(map_);
    pthread_rwlock_destroy(&lock_);
  }
  ValidatedPthreadRwlock(const ValidatedPthreadRwlock&) = delete;
  ValidatedPthreadRwlock& operator=(const ValidatedPthreadRwlock&) = delete;

  int WriteLock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Write(Strength::kBlocking), lock_, &pthread_rwlock_trywrlock,
                                &pthread_rwlock_timedwrlock,
                                [this] { return pthread_rwlock_wrlock(&lock_); });
  }
  int TryWriteLock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    const int error = pthread_rwlock_trywrlock(&lock_);
    hooks::TryAcquire(map_, Write(Strength::kTry), error == 0);
    return error;
  }
  int TimedWriteLock(const timespec& time) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Write(Strength::kTimed), lock_, &pthread_rwlock_trywrlock,
                                &pthread_rwlock_timedwrlock,
                                [&] { return pthread_rwlock_timedwrlock(&lock_, &time); });
  }
  int ReadLock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Read(Strength::kBlocking), lock_, &pthread_rwlock_tryrdlock,
                                &pthread_rwlock_timedrdlock,
                                [this] { return pthread_rwlock_rdlock(&lock_); });
  }
  int TryReadLock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    const int error = pthread_rwlock_tryrdlock(&lock_);
    hooks::TryAcquire(map_, Read(Strength::kTry), error == 0);
    return error;
  }
  int TimedReadLock(const timespec& time) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return internal::AskPthread(map_, Read(Strength::kTimed), lock_, &pthread_rwlock_tryrdlock,
                                &pthread_rwlock_timedrdlock,
                                [&] { return pthread_rwlock_timedrdlock(&lock_, &time); });
  }
  int Unlock() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    hooks::Release(map_);
    return pthread_rwlock_unlock(&lock_);
  }

  // The same under the names of the standard.
  void lock() RQLOCKDEP_ACQUIRE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    internal::ThrowUnlessPthreadOwns(WriteLock());
  }
  [[nodiscard]] bool try_lock() RQLOCKDEP_TRY_ACQUIRE(true) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return TryWriteLock() == 0;
  }
  void unlock() RQLOCKDEP_RELEASE() RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS { Unlock(); }
  void lock_shared()
      RQLOCKDEP_THREAD_ATTRIBUTE(acquire_shared_capability()) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    internal::ThrowUnlessPthreadOwns(ReadLock());
  }
  [[nodiscard]] bool try_lock_shared() RQLOCKDEP_THREAD_ATTRIBUTE(
      try_acquire_shared_capability(true)) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    return TryReadLock() == 0;
  }
  void unlock_shared()
      RQLOCKDEP_THREAD_ATTRIBUTE(release_shared_capability()) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    Unlock();
  }

  // The lock itself, behind the validator's back.
  pthread_rwlock_t* native_handle() { return &lock_; }

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
#if RQLOCKDEP_VALIDATOR
  using Mode = LockMode;
#else
  struct Mode {};
#endif

  static constexpr Mode ReaderMode([[maybe_unused]] int kind) {
#if RQLOCKDEP_VALIDATOR
    return kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? LockMode::kReader
                                                                : LockMode::kRecursiveReader;
#else
    return {};
#endif
  }
  static Mode ReaderMode(const pthread_rwlockattr_t* attributes) {
    int kind = PTHREAD_RWLOCK_DEFAULT_NP;
    if (attributes != nullptr) pthread_rwlockattr_getkind_np(attributes, &kind);
    return ReaderMode(kind);
  }
  void Initialise(const pthread_rwlockattr_t* attributes) {
    const int error = pthread_rwlock_init(&lock_, attributes);
    if (error != 0) throw std::system_error(error, std::generic_category());
  }
  static constexpr hooks::AcquireArguments Write(Strength strength) {
    return {.mode = LockMode::kExclusive, .strength = strength, .kind = LockKind::kRwsem};
  }
  hooks::AcquireArguments Read([[maybe_unused]] Strength strength) const {
#if RQLOCKDEP_VALIDATOR
    return {.mode = reader_, .strength = strength, .kind = LockKind::kRwsem};
#else
    return {};
#endif
  }

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  [[no_unique_address]] Mode reader_;
  pthread_rwlock_t lock_;
};

#if !RQLOCKDEP_VALIDATOR
static_assert(sizeof(ValidatedPthreadMutex) == sizeof(pthread_mutex_t));
static_assert(sizeof(ValidatedPthreadRwlock) == sizeof(pthread_rwlock_t));
#endif

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATED_PTHREAD_H_
