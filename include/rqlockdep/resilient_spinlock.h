// ResilientSpinlock: a spinlock whose every acquisition ends. It gets the lock, or it learns that
// waiting on would be a deadlock, or its time limit passes. The user-space relative of the Linux
// kernel's rqspinlock (K. K. Dwivedi, Linux 6.15).
//
// Use it where code must survive a lock bug: callbacks and plug-ins that may re-enter, signal
// handlers, lock orders that nobody can promise. Where the order of locks is under control use
// QueuedSpinlock: its lock() cannot fail.
//
//   rqlockdep::ResilientSpinlock lock;
//   if (lock.Acquire() == rqlockdep::LockResult::kOk) {
//     ...
//     lock.unlock();
//   } else {
//     // Give back the locks held, then try again or report.
//   }
//
// Deadlocks. A thread that asks for a lock it holds itself (AA, also from a signal handler that
// interrupted the holder) gets kDeadlock at once, before any wait. A ring of threads that wait for
// each other is found by the thread that closes it, whatever its length; exactly one of them, the
// one that began to wait last, gets kDeadlock, and the others get their locks once it gives back
// what it holds. There is no false kDeadlock: a verdict about other threads takes two looks, and
// all of their waits must have begun before the first and still last at the second. Only resilient
// locks are seen; with the validator linked, a thread may also be told to give way by
// hooks::CancelCallback.
//
// Time limits. Every acquisition but lock-free tries has one: 250 ms by default. kTimedOut is never
// returned before the limit has passed, measured from when the slow path begins; a limit of zero or
// less is a single attempt (and still kDeadlock on AA). On the way out the lock and the tables are
// as if the attempt had not been made. lock() is Acquire() with an exception.
//
// Unlocking a lock that this thread does not hold does nothing (with the validator it is a
// finding), so an ignored failure does not free another thread's lock. A lock must be released by
// the thread that took it. Destroying a held lock leaves its address in the table of the thread
// that held it until that thread ends: a new lock at that address works, but an erroneous unlock of
// it by that thread would go through. With the validator on, the destructor reports it and, on the
// holding thread, cleans the table.
//
// Costs (docs/measurements.md): an uncontended pair is one locked operation and 17 to 20
// instructions inline; beside a bare exchange 1.03 to 1.37 times the time in a tight loop, 1.03
// when 20 ns lie between two pairs, 1.72 at the worst measured. The second and further locks held
// at a time take a call into the library. The first use by a thread registers it (microseconds, a
// system call or two). 4 bytes with the validator off. Waiters spin, then yield, then sleep in a
// queue (src/lock_waiter.h).
//
// Limits count only the time in which the process makes progress: being stopped (SIGSTOP, a
// debugger) or throttled is no waiting. AcquireUntil goes by its own clock. The lock of a thread
// that ended without giving it back fails with kDeadlock, about a millisecond into the wait.
//
// Threads and signals: all functions may be called from any thread and in signal handlers; a
// handler must release what it takes. No function allocates with malloc; lock() throws. After fork
// the child holds what the forking thread held. Beyond 65 534 threads at a time, threads without a
// slot have no deadlock detection, only time limits.
#ifndef RQLOCKDEP_RESILIENT_SPINLOCK_H_
#define RQLOCKDEP_RESILIENT_SPINLOCK_H_

#include <chrono>
#include <cstdint>
#include <exception>
#include <system_error>

#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_operations.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/nested.h"
#include "rqlockdep/thread_annotations.h"

namespace rqlockdep {

class RQLOCKDEP_CAPABILITY("spinlock") ResilientSpinlock {
 public:
  // The validator's lock class is the place where the lock is constructed, or its symbol. `hint` is
  // never given.
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr ResilientSpinlock(hooks::ConstructionHint hint = {})
      : map_(LockKind::kRqspinlock, hint) {}
  // The validator's lock class is `lock_class`, which must outlive the lock.
  constexpr explicit ResilientSpinlock(const LockClass& lock_class)
      : map_(LockKind::kRqspinlock, lock_class) {}
  ResilientSpinlock(const ResilientSpinlock&) = delete;
  ResilientSpinlock& operator=(const ResilientSpinlock&) = delete;
#if RQLOCKDEP_VALIDATOR
  ~ResilientSpinlock() {
    hooks::Destroy(map_);
    internal::Forget(word_);
  }
#endif

  // Takes the lock, waiting 250 ms at most.
  // Clang's thread safety analysis cannot follow a result that is not a bool; after a check for
  // kOk, AssertHeld() tells it.
  [[nodiscard]] LockResult Acquire(const Nested& nested = {}) {
    return AcquireWithin(nested, [](internal::LockWord& word, internal::Cell* attempt,
                                    internal::WaitObserver observer) {
      return internal::AcquireSlow(word, attempt, internal::kDefaultLimitNanoseconds, observer);
    });
  }
  // Takes the lock, waiting as long as `limit` at most. No limit is too large.
  template <class Rep, class Period>
  [[nodiscard]] LockResult AcquireFor(const std::chrono::duration<Rep, Period>& limit,
                                      const Nested& nested = {}) {
    return AcquireWithin(nested, [&limit](internal::LockWord& word, internal::Cell* attempt,
                                          internal::WaitObserver observer) {
      return internal::AcquireSlow(word, attempt, internal::SaturatingNanoseconds(limit), observer);
    });
  }
  // Takes the lock, waiting until `end` by its own clock at most.
  template <class Clock, class Duration>
  [[nodiscard]] LockResult AcquireUntil(const std::chrono::time_point<Clock, Duration>& end,
                                        const Nested& nested = {}) {
    return AcquireWithin(nested, [&end](internal::LockWord& word, internal::Cell* attempt,
                                        internal::WaitObserver observer) {
      return internal::AcquireSlowUntil(word, attempt, &internal::RemainingUntil<Clock, Duration>,
                                        &end, observer);
    });
  }

  // Acquire() for std::lock_guard and the like. Throws std::system_error with the code of the
  // LockResult if it fails; without exceptions it terminates.
  void lock(const Nested& nested = {}) RQLOCKDEP_ACQUIRE() {
    const LockResult result = Acquire(nested);
    if (result != LockResult::kOk) [[unlikely]]
      ThrowFailure(result);
  }
  // Takes the lock if it is free. Never waits; does not look for deadlocks.
  [[nodiscard]] bool try_lock(const Nested& nested = {}) RQLOCKDEP_TRY_ACQUIRE(true) {
    internal::Cell* attempt;
    const bool got_it = Fast::Acquire(word_, *internal::thread_cursor, &attempt) ||
                        internal::TryAcquireSlow(word_, attempt);
    hooks::TryAcquire(map_, Arguments(Strength::kTry, nested), got_it);
    return got_it;
  }
  // AcquireFor and AcquireUntil for those who only need to know whether they got the lock.
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& limit,
                                  const Nested& nested = {}) RQLOCKDEP_TRY_ACQUIRE(true) {
    return AcquireFor(limit, nested) == LockResult::kOk;
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& end,
                                    const Nested& nested = {}) RQLOCKDEP_TRY_ACQUIRE(true) {
    return AcquireUntil(end, nested) == LockResult::kOk;
  }

  // Gives the lock back. Does nothing if this thread does not hold it.
  void unlock() RQLOCKDEP_RELEASE() {
    hooks::Release(map_);
    if (!Fast::Release(word_, *internal::thread_cursor)) [[unlikely]]
      internal::ReleaseSlow(word_);
  }

  // Whether this thread holds the lock. For checks, not for decisions. Linear in the locks held.
  [[nodiscard]] bool IsHeld() const { return internal::IsHeld(word_); }
  // Tells Clang's thread safety analysis that the lock is held. Does nothing else.
  void AssertHeld() const RQLOCKDEP_ASSERT_HELD(this) {}

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
  using Fast = internal::FastPath<internal::NativeAtomics>;

  static constexpr hooks::AcquireArguments Arguments(Strength strength, const Nested& nested) {
    return {.strength = strength,
            .subclass = nested.subclass,
            .kind = LockKind::kRqspinlock,
            .nest = nested.nest.map()};
  }

  // `acquire_slow` is called if the fast path does not get the lock.
  template <class AcquireSlow>
  [[gnu::always_inline]] LockResult AcquireWithin(const Nested& nested, AcquireSlow acquire_slow) {
    hooks::Acquire(map_, Arguments(Strength::kResilient, nested));
    internal::Cell* attempt;
    if (Fast::Acquire(word_, *internal::thread_cursor, &attempt)) [[likely]]
      return LockResult::kOk;
    return acquire_slow(word_, attempt, internal::WaitObserver(map_));
  }

#if defined(__cpp_exceptions)
  [[noreturn]] [[gnu::cold]] static void ThrowFailure(LockResult result) {
    throw std::system_error(make_error_code(result), "rqlockdep::ResilientSpinlock::lock");
  }
#else
  [[noreturn]] static void ThrowFailure(LockResult) { std::terminate(); }
#endif

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  internal::LockWord word_;
};

#if !RQLOCKDEP_VALIDATOR
static_assert(sizeof(ResilientSpinlock) == 4);
#endif

}  // namespace rqlockdep

#endif  // RQLOCKDEP_RESILIENT_SPINLOCK_H_
