// The way in and out of both locks when the fast path is not enough.
//
// 1. Try once more; a resilient lock then looks for AA (the thread asks for what it holds) and
//    stops there if the limit is not above zero.
// 2. A resilient waiter that holds other locks publishes its wait and looks for a ring
//    (ring_search.h), now and again from time to time.
// 3. Wait (lock_waiter.h) until the lock is taken, or something else ends the wait (wait_end.h).
// 4. Leave with the lock, or without: deadlock, told to (cancel), or time is up.
//
// A template on the policy: atomics, clock, pause, yield, sleep and the set of thread slots come
// from there, so that tests run this code under a controlled scheduler (tests/support). A policy
// has:
//   using Atomics                        as in lock_word.h
//   slot_limit(), slot_at(id), tickets() see ring_search.h
//   slot_in_use(id), slot_changes()      whether a thread has the slot; how often a slot came into
//                                        use or went out of it
//   slot_has_ended(id)                   whether the slot's thread ended without giving it back
//   is_forked()                          whether the process began as a copy, with waiters in the
//   locks
//                                        that it does not have
//   progress()                           see progress_clock.h
//   NewChunk()                           memory for a BasicCellChunk, or null
//   SetCursor(Cell*)                     where this thread's fast path should look next
//   UnlistedHolds()                      int&, of this thread: locks it holds that no table lists
//   LookCost(), Ticks()                  see backoff.h: a uint32_t& of this thread's, and a clock
//   that
//                                        is quick to read
//   Now()                                nanoseconds of a clock that does not jump
//   Pause(n), Yield()
//   BeginSlice(), EndSlice()             see slice_extension.h. BeginSlice is false if the kernel
//   has no
//                                        such thing; otherwise EndSlice follows
//   Patience                             a class of int constants, see NativePolicy
//   Sleep(word, locked, pending, tail, nanoseconds)
//   Sleep(atomic, value, nanoseconds)    returns when woken, when the memory has another value,
//                                        when the time is up, or for no reason. True if the time
//                                        is up
//   Wake(address, n)                     wakes up to n sleepers; the memory need not exist any more
#ifndef RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_
#define RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/deliberate_fault.h"
#include "src/held_table.h"
#include "src/lock_waiter.h"
#include "src/pending_byte.h"
#include "src/reservation.h"
#include "src/wait_end.h"

namespace rqlockdep::internal {

template <class Policy>
class SpinlockSlowPath {
 public:
  using Atomics = typename Policy::Atomics;
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Cell = BasicCell<Atomics>;
  using Fast = FastPath<Atomics>;
  using Table = HeldTable<Atomics>;
  using Pending = PendingByte<Word>;
  using End = WaitEnd<Policy>;

  explicit SpinlockSlowPath(Policy& policy) : policy_(policy) {}

  // Takes a regular lock, however long it takes. `slot` is the calling thread's, or null.
  template <class Observer>
  void Lock(Word& word, Slot* slot, Observer observer) {
    observer.Waiting(nullptr, nullptr);
    NoEnd no_end;
    LockWaiter<Policy, NoEnd> waiter(policy_, word, slot, kUnlistedMark, no_end);
    static_cast<void>(waiter.Wait());
    waiter.Leave(/*with_lock=*/true);
    ExtendSlice(word);
    observer.Acquired();
  }

  // One attempt at a regular lock. For a lock that is reserved for nobody any more.
  bool TryLock(Word& word) {
    uint8_t seen;
    return Take(word, &seen, kUnlistedMark) || TakeUnclaimed(word, kUnlistedMark);
  }

  void Unlock(Word& word) {
    const auto handover = Pending::BeginUnlock(word, policy_.is_forked());
    // Release: pairs with the acquire of whoever takes the lock next.
    word.locked.store(handover.reserve ? kReservedMark : 0, std::memory_order_release);
    FinishUnlock(word, handover);
  }

  // Takes a resilient lock. `slot` is the calling thread's, or null: then it goes without table and
  // deadlock detection. `attempt` is the cell that lists the attempt already, or null.
  //
  // The common case, a free lock and a thread that holds others, is kept apart from the rest.
  template <class Observer>
  LockResult Acquire(Word& word, Slot* slot, Cell* attempt, const WaitLimit& limit,
                     Observer observer) {
    uint8_t seen;
    if (attempt != nullptr) {
      // The fast path has tried just now. Another failed compare-and-swap would take the line away
      // from the holder once more. Relaxed: as in Take.
      seen = word.locked.load(std::memory_order_relaxed);
    } else {
      attempt = List(word, slot, attempt);
      seen = 0;
    }
    const uint8_t mark = attempt != nullptr ? slot->mark : kUnlistedMark;
    if (seen == 0 && Take(word, &seen, mark)) [[likely]] {
      Confirm(word, attempt);
      return LockResult::kOk;
    }
    return AcquireTaken(word, seen, slot, attempt, limit, observer);
  }

  // One attempt, without looking for deadlocks.
  bool TryAcquire(Word& word, Slot* slot, Cell* attempt) {
    attempt = List(word, slot, attempt);
    const uint8_t mark = attempt != nullptr ? slot->mark : kUnlistedMark;
    uint8_t seen;
    if (Take(word, &seen, mark) || TakeUnclaimed(word, mark)) {
      Confirm(word, attempt);
      return true;
    }
    Unlist(attempt);
    return false;
  }

  // Gives a resilient lock back. False, and nothing done, if this thread does not hold it.
  bool Release(Word& word, Slot* slot) {
    Cell* const cell = slot == nullptr ? nullptr : Table::FindHeld(*slot, word);
    if (cell == nullptr && !HoldsUnlisted(word)) return false;
    const auto handover = Pending::BeginUnlock(word, policy_.is_forked());
    const uint8_t free = handover.reserve ? kReservedMark : 0;
    if (cell != nullptr) {
      Fast::Free(word, *cell, free);
      if (Table::IsInline(*slot, cell)) policy_.SetCursor(cell);
    } else {
      --policy_.UnlistedHolds();
      // Release: pairs with the acquire of whoever takes the lock next.
      word.locked.store(free, std::memory_order_release);
    }
    FinishUnlock(word, handover);
    return true;
  }

  // For threads without a table: whether this thread may be the holder. It has unlisted holds, and
  // this lock's holder is unlisted, too; more is not known.
  bool HoldsUnlisted(const Word& word) {
    // Relaxed: if this thread holds the lock, it wrote the value itself.
    return policy_.UnlistedHolds() > 0 &&
           word.locked.load(std::memory_order_relaxed) == kUnlistedMark;
  }

 private:
  // What ends the wait for a regular lock: only the lock.
  struct NoEnd {
    bool Over(uint8_t, int, LockResult*) { return false; }
    int64_t NapLimit() { return std::numeric_limits<int64_t>::max(); }
  };

  // Who had to wait for the lock knows that others want it, and asks to keep the processor until it
  // is given back.
  void ExtendSlice(Word& word) {
    if (policy_.BeginSlice()) Pending::NoteExtension(word);
  }

  // After the lock has become free. `word` may be gone.
  void FinishUnlock(Word& word, typename Pending::Handover handover) {
    if (handover.wake) policy_.Wake(&word, 1);
    if (handover.extended) policy_.EndSlice();
  }

  // Goes on where Acquire found that the lock was taken, by `seen`.
  template <class Observer>
  [[gnu::noinline]] LockResult AcquireTaken(Word& word, uint8_t seen, Slot* slot, Cell* attempt,
                                            WaitLimit limit, Observer observer) {
    if (attempt != nullptr && IsMine(word, seen, *slot)) {
      Unlist(attempt);
      observer.Failed(LockResult::kDeadlock);
      return LockResult::kDeadlock;
    }
    if (seen == kReservedMark &&
        TakeUnclaimed(word, attempt != nullptr ? slot->mark : kUnlistedMark)) {
      Confirm(word, attempt);
      return LockResult::kOk;
    }
    if (limit.remaining != nullptr) limit.nanoseconds = limit.remaining(limit.argument);
    if (limit.nanoseconds <= 0) {
      Unlist(attempt);
      observer.Failed(LockResult::kTimedOut);
      return LockResult::kTimedOut;
    }
    End end(policy_, word, limit, slot);
    const bool watched = observer.Waiting(&End::Cancel, &end);
    if (attempt != nullptr && Table::HoldsMore(*slot, attempt)) {
      ConfirmInterrupted(*slot, attempt);
      end.Publish(seen, watched);
    }
    LockWaiter<Policy, End> waiter(policy_, word, slot,
                                   attempt != nullptr ? slot->mark : kUnlistedMark, end);
    const LockResult result = waiter.Wait();
    const bool got_it = result == LockResult::kOk;
    if (got_it) Confirm(word, attempt);
    waiter.Leave(got_it);
    end.Withdraw();
    if (got_it) {
      ExtendSlice(word);
      observer.Acquired();
    } else {
      Unlist(attempt);
      observer.Failed(result);
    }
    return result;
  }

  // Takes the lock if it is free; else *seen says who has it.
  static bool Take(Word& word, uint8_t* seen, uint8_t mark) {
    *seen = 0;
    // Acquire: pairs with the release store of the last unlock. Relaxed on failure: what `seen`
    // says matters only if this thread wrote it.
    return word.locked.compare_exchange_strong(*seen, mark, std::memory_order_acquire,
                                               std::memory_order_relaxed);
  }

  // Sees to it that the attempt is listed, if it can be.
  Cell* List(Word& word, Slot* slot, Cell* attempt) {
    if (slot != nullptr && attempt == nullptr) {
      attempt = Table::Reserve(*slot, word, [this] { return policy_.NewChunk(); });
      if (attempt != nullptr && Table::IsInline(*slot, attempt)) policy_.SetCursor(attempt);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    return attempt;
  }

  void Confirm(Word& word, Cell* attempt) {
    if (attempt != nullptr) {
      Fast::Confirm(word, *attempt);
    } else {
      ++policy_.UnlistedHolds();
    }
  }

  static void Unlist(Cell* attempt) {
    // Relaxed: an attempt means nothing to other threads.
    if (attempt != nullptr) attempt->lock.store(kFreeCell, std::memory_order_relaxed);
  }

  // Whether the lock, whose `locked` was `seen`, is held by this very thread: AA. Certain if true.
  //
  // If the mark is not ours, we do not hold it, whatever the table says: in a signal handler it may
  // list an attempt of the code that was interrupted. If the mark is ours and the table says
  // "held", we hold it. Otherwise either a thread with the same mark holds it, or we are in a
  // handler that interrupted the code between the compare-and-swap and its confirmation, or in the
  // midst of a release. If there is no thread with the same mark, it is the latter. If there is one
  // (with more than 253 threads), that is not known: the limit ends the wait.
  bool IsMine(Word& word, uint8_t seen, Slot& slot) {
    if (seen != slot.mark) return false;
    if (Table::FindHeld(slot, word) != nullptr) return true;
    if (Has<Policy>(DeliberateFault::kAaByTheTableAlone)) return false;
    const uint64_t changes = policy_.slot_changes();
    // Relaxed: if another thread wrote this after it got its slot, slot_changes() says so below,
    // whatever the order (see SlotTable::changes).
    if (word.locked.load(std::memory_order_relaxed) != slot.mark) return false;
    const uint32_t limit = policy_.slot_limit();
    for (uint32_t id = slot.mark - 1u; id < limit; id += kSlotMarks) {
      if (id != slot.id && policy_.slot_in_use(id)) return false;
    }
    // No slot came into use or went out of it meanwhile. So all the time there was no other thread
    // with this mark, also when `locked` had it.
    return policy_.slot_changes() == changes;
  }

  // In a signal handler that came between the compare-and-swap that took a lock and its
  // confirmation: confirms it, so that others see who holds it. The interrupted code will do the
  // same. (The moment is not as unlikely as it looks: a contended compare-and-swap takes long, and
  // signals come in after it.)
  void ConfirmInterrupted(Slot& slot, const Cell* attempt) {
    Table::AtEachCell(slot, [&](Cell& cell) {
      // Relaxed: this thread's own cells.
      const uintptr_t listed = cell.lock.load(std::memory_order_relaxed);
      if (&cell == attempt || (listed & kAttemptBit) == 0) return;
      // It is there: the code that was interrupted is using it.
      Word& word = *reinterpret_cast<Word*>(listed & ~kAttemptBit);
      if (IsMine(word, word.locked.load(std::memory_order_relaxed), slot)) {
        Fast::Confirm(word, cell);
      }
    });
  }

  // Takes a lock that was left to first waiters who have gone since.
  bool TakeUnclaimed(Word& word, uint8_t mark) {
    uint8_t seen = kReservedMark;
    // Acquire, relaxed: as in Take.
    return IsUnclaimed(policy_, word, /*own=*/0) &&
           word.locked.compare_exchange_strong(seen, mark, std::memory_order_acquire,
                                               std::memory_order_relaxed);
  }

  Policy& policy_;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_
