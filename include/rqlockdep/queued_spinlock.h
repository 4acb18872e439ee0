// QueuedSpinlock: a regular spinlock. lock() waits for as long as it takes.
//
// Use it for short critical sections under a lock order that is known to be right; in debug builds
// the validator checks that it is. For long sections use std::mutex; for orders that nobody can
// promise use ResilientSpinlock.
//
// Costs (tests/benchmark/lock_benchmark.cc): an uncontended pair is one locked operation and a
// handful of instructions inline, about the price of a bare atomic exchange. 4 bytes with the
// validator off. Waiters spin, then yield, then sleep in a queue (src/lock_waiter.h), so more
// threads than processors are fine. The first wait of a thread registers it (a system call or two).
//
// It keeps no table of holders, which is most of why it is cheaper than ResilientSpinlock: lock()
// never gives up, so at run time nothing could be done about a deadlock that a table would show.
// The validator has its own tables. Unlocking a free lock does nothing; unlocking another thread's
// lock frees it (with the validator on both are findings).
//
// Threads and signals: all functions may be called from any thread. A signal handler that takes a
// lock which the thread it interrupted may hold deadlocks: block the signal, or use
// ResilientSpinlock. A lock may be destroyed as soon as its last owner's unlock() has made it free.
#ifndef RQLOCKDEP_QUEUED_SPINLOCK_H_
#define RQLOCKDEP_QUEUED_SPINLOCK_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/lock_operations.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/nested.h"
#include "rqlockdep/thread_annotations.h"

namespace rqlockdep {

class RQLOCKDEP_CAPABILITY("spinlock") QueuedSpinlock {
 public:
  // The validator's lock class is the place where the lock is constructed, or its symbol. `hint` is
  // never given.
  // NOLINTNEXTLINE(google-explicit-constructor): it is the default constructor.
  [[gnu::always_inline]] constexpr QueuedSpinlock(hooks::ConstructionHint hint = {})
      : map_(LockKind::kQspinlock, hint) {}
  // The validator's lock class is `lock_class`, which must outlive the lock.
  constexpr explicit QueuedSpinlock(const LockClass& lock_class)
      : map_(LockKind::kQspinlock, lock_class) {}
  QueuedSpinlock(const QueuedSpinlock&) = delete;
  QueuedSpinlock& operator=(const QueuedSpinlock&) = delete;
#if RQLOCKDEP_VALIDATOR
  ~QueuedSpinlock() { hooks::Destroy(map_); }
#endif

  // Takes the lock, however long that takes.
  void lock(const Nested& nested = {}) RQLOCKDEP_ACQUIRE() {
    hooks::Acquire(map_, Arguments(Strength::kBlocking, nested));
    uint8_t seen;
    if (!TakeIfFree(&seen)) [[unlikely]]
      internal::LockSlow(word_, internal::WaitObserver(map_));
  }
  // Takes the lock if it is free. Never waits.
  [[nodiscard]] bool try_lock(const Nested& nested = {}) RQLOCKDEP_TRY_ACQUIRE(true) {
    uint8_t seen = 0;
    const bool got_it =
        TakeIfFree(&seen) || (seen == internal::kReservedMark && internal::TryLockSlow(word_));
    hooks::TryAcquire(map_, Arguments(Strength::kTry, nested), got_it);
    return got_it;
  }
  void unlock() RQLOCKDEP_RELEASE() {
    hooks::Release(map_);
    // Relaxed, and before the lock is free: afterwards the lock may be gone. A waiter that
    // announces itself in between is not woken; its nap is bounded.
    if (word_.pending.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      internal::UnlockSlow(word_);
    } else {
      // Release: pairs with the acquire of whoever takes the lock next.
      word_.locked.store(0, std::memory_order_release);
    }
  }

  // Tells Clang's thread safety analysis that the lock is held. Does nothing else.
  void AssertHeld() const RQLOCKDEP_ASSERT_HELD(this) {}

  // The validator's part of the lock, for Nested::nest.
  constexpr const hooks::LockMap& lock_map() const { return map_; }

 private:
  static constexpr hooks::AcquireArguments Arguments(Strength strength, const Nested& nested) {
    return {.strength = strength,
            .subclass = nested.subclass,
            .kind = LockKind::kQspinlock,
            .nest = nested.nest.map()};
  }

  [[gnu::always_inline]] bool TakeIfFree(uint8_t* seen) {
    *seen = 0;
    // Acquire: pairs with the release store of the last unlock. Relaxed on failure: nothing is read
    // on the strength of it.
    return word_.locked.compare_exchange_strong(
        *seen, internal::kUnlistedMark, std::memory_order_acquire, std::memory_order_relaxed);
  }

  [[no_unique_address]] hooks::LockMap map_;  // first: its address is the lock's
  internal::LockWord word_;
};

#if !RQLOCKDEP_VALIDATOR
static_assert(sizeof(QueuedSpinlock) == 4);
#endif

}  // namespace rqlockdep

#endif  // RQLOCKDEP_QUEUED_SPINLOCK_H_
