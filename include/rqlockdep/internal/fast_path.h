// The uncontended ways in and out of a resilient lock: one locked operation, no call, no clock.
//
// A template on the atomics, so that tests run these very lines under a controlled scheduler. What
// does not fit here goes to src/spinlock_slow_path.h.
#ifndef RQLOCKDEP_INTERNAL_FAST_PATH_H_
#define RQLOCKDEP_INTERNAL_FAST_PATH_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {

template <class Atomics>
class FastPath {
 public:
  using Word = BasicLockWord<Atomics>;
  using Cell = BasicCell<Atomics>;

  // Takes the lock if it is free and `cell` too. If not, *attempt is the cell if it lists the
  // attempt by now, else null; the slow path goes on from there.
  [[gnu::always_inline]] static inline bool Acquire(Word& word, Cell& cell, Cell** attempt) {
    // Relaxed: a free cell is written by this thread only.
    if (cell.lock.load(std::memory_order_relaxed) != kFreeCell) [[unlikely]] {
      *attempt = nullptr;
      return false;
    }
    // Relaxed: an attempt means nothing to other threads. A handler sees it because of the fence.
    cell.lock.store(AddressOf(word) + kAttemptBit, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    uint8_t seen = 0;
    // Acquire: pairs with the release store in Free, so the critical sections before ours are
    // visible. Relaxed on failure: nothing is read on the strength of it.
    if (!word.locked.compare_exchange_strong(seen, cell.mark, std::memory_order_acquire,
                                             std::memory_order_relaxed)) [[unlikely]] {
      *attempt = &cell;
      return false;
    }
    Confirm(word, cell);
    return true;
  }

  // Gives the lock back if `cell` says that it is held and nobody sleeps. Else changes nothing and
  // returns false.
  [[gnu::always_inline]] static inline bool Release(Word& word, Cell& cell) {
    // Relaxed: the cell is this thread's own. `pending` is read before the lock is free, because
    // afterwards the lock may be gone: its next owner may destroy it. A waiter that announces
    // itself between this load and the release is not woken; its nap is bounded. One test for both.
    const uintptr_t other_lock = cell.lock.load(std::memory_order_relaxed) ^ AddressOf(word);
    if ((other_lock | word.pending.load(std::memory_order_relaxed)) != 0) [[unlikely]]
      return false;
    Free(word, cell);
    return true;
  }

  // The lock was taken: `cell`, which listed the attempt, says so.
  [[gnu::always_inline]] static inline void Confirm(Word& word, Cell& cell) {
    // Release: pairs with the acquire load in RingSearch. Who sees this hold also sees that the
    // thread's waits before it have ended.
    cell.lock.store(AddressOf(word), std::memory_order_release);
  }

  // The order of a release: no longer listed, free. A handler that comes in between may use the
  // cell, for it gives back what it takes; if it asks for this very lock, the mark in `locked` says
  // whose it still is (SpinlockSlowPath::IsMine). The other order would list a lock that is another
  // thread's by now, or gone. `free` is 0 or kReservedMark.
  [[gnu::always_inline]] static inline void Free(Word& word, Cell& cell, uint8_t free = 0) {
    // Relaxed: the release store below publishes it before anyone else can hold the lock.
    cell.lock.store(kFreeCell, std::memory_order_relaxed);
    // Release: pairs with the acquire of whoever takes the lock next.
    word.locked.store(free, std::memory_order_release);
  }

  [[gnu::always_inline]] static inline uintptr_t AddressOf(const Word& word) {
    return reinterpret_cast<uintptr_t>(&word);
  }
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_INTERNAL_FAST_PATH_H_
