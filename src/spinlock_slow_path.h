// How both locks wait.
//
// 1. Try once more; a resilient lock then looks for AA (the thread asks for what it holds) and
// stops
//    there if the limit is not above zero.
// 2. A resilient waiter that holds other locks publishes its wait and looks for a ring
//    (ring_search.h), now and again from time to time.
// 3. Spin, with pauses that grow; then yield the processor a few times; then sleep. Each time look
// at
//    `locked`, and take the lock by compare-and-swap when it is free.
// 4. Leave with the lock, or without: deadlock, told to (cancel), or time is up.
//
// Sleeping. A waiter counts itself in `pending`, looks some more, and sleeps in the kernel until an
// unlock wakes it, but not for longer than a nap. An unlock that finds `pending` set wakes one
// sleeper and notes so in `pending`; until some waiter has acted on that, further unlocks wake
// nobody. Unlock reads `pending` just before it frees the lock and touches the lock no more
// afterwards, since its next owner may destroy it. So a waiter that announces itself exactly in
// between is not woken, and sees the free lock when its nap ends. A program cannot tell this from
// bad luck with the scheduler; in return unlock needs neither a second locked operation nor a
// fence.
//
// Limits that exist: 127 waiters of one lock can be counted; more only take naps. A nap is at most
// kLongestNap, which also bounds how late a sleeper notices a cancel, or that it is the victim of
// a ring, if the wake-up for that came just before it fell asleep.
//
// A template on the policy: atomics, clock, pause, yield, sleep and the set of thread slots come
// from there, so that tests run this code under a controlled scheduler (tests/support). A policy
// has:
//   using Atomics                        as in lock_word.h
//   slot_limit(), slot_at(id), tickets() see ring_search.h
//   slot_in_use(id), slot_changes()      whether a thread has the slot; how often a slot came into
//   use
//                                        or went out of it
//   NewChunk()                           memory for a BasicCellChunk, or null
//   SetCursor(Cell*)                     where this thread's fast path should look next
//   UnlistedHolds()                      int&, of this thread: locks it holds that no table lists
//   Now()                                nanoseconds of a clock that does not jump
//   Pause(n), Yield()
//   Patience                             a class of int constants, see NativePolicy
//   Sleep(word, locked, pending, nanoseconds)  returns when woken, when the word's bytes
//                                        are not (locked, pending, 0), when the time is up, or
//                                        for no reason. True if the time is up
//   Wake(address of a word, n)           wakes up to n sleepers; the word need not exist any more
#ifndef RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_
#define RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/held_table.h"
#include "src/ring_search.h"

namespace rqlockdep::internal {

// When an acquisition has to give up: after a number of nanoseconds, or when `remaining`, asked
// once those have passed, says that none are left.
struct WaitLimit {
  int64_t nanoseconds = 0;
  int64_t (*remaining)(const void* argument) = nullptr;
  const void* argument = nullptr;
};

template <class Policy>
class SpinlockSlowPath {
 public:
  using Atomics = typename Policy::Atomics;
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Cell = BasicCell<Atomics>;
  using Fast = FastPath<Atomics>;
  using Table = HeldTable<Atomics>;
  using Rings = RingSearch<Policy>;
  using Wait = typename Rings::Wait;

  static constexpr int64_t kMillisecond = 1'000'000;
  static constexpr int64_t kFirstNap = kMillisecond;
  static constexpr int64_t kLongestNap = 8 * kMillisecond;
  static constexpr int64_t kSearchInterval = kMillisecond;

  explicit SpinlockSlowPath(Policy& policy) : policy_(policy) {}

  // Takes a regular lock, however long it takes.
  template <class Observer>
  void Lock(Word& word, Observer observer) {
    observer.Waiting(nullptr, nullptr);
    NoEnd no_end;
    static_cast<void>(WaitUntilTaken(word, kUnlistedMark, no_end));
    observer.Acquired();
  }

  void Unlock(Word& word) {
    const bool wake = ClaimWake(word);
    // Release: pairs with the acquire of whoever takes the lock next.
    word.locked.store(0, std::memory_order_release);
    if (wake) policy_.Wake(&word, 1);
  }

  // Takes a resilient lock. `slot` is the calling thread's, or null: then it goes without table and
  // deadlock detection. `attempt` is the cell that lists the attempt already, or null.
  //
  // The common case, a free lock and a thread that holds others, is kept apart from the rest.
  template <class Observer>
  LockResult Acquire(Word& word, Slot* slot, Cell* attempt, const WaitLimit& limit,
                     Observer observer) {
    attempt = List(word, slot, attempt);
    const uint8_t mark = attempt != nullptr ? slot->mark : kUnlistedMark;
    uint8_t seen;
    if (Take(word, &seen, mark)) [[likely]] {
      Confirm(word, attempt);
      return LockResult::kOk;
    }
    return AcquireTaken(word, seen, slot, attempt, limit, observer);
  }

  // One attempt, without looking for deadlocks.
  bool TryAcquire(Word& word, Slot* slot, Cell* attempt) {
    attempt = List(word, slot, attempt);
    uint8_t seen;
    if (Take(word, &seen, attempt != nullptr ? slot->mark : kUnlistedMark)) {
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
    const bool wake = ClaimWake(word);
    if (cell != nullptr) {
      Fast::Free(word, *cell);
      if (Table::IsInline(*slot, cell)) policy_.SetCursor(cell);
    } else {
      --policy_.UnlistedHolds();
      // Release: pairs with the acquire of whoever takes the lock next.
      word.locked.store(0, std::memory_order_release);
    }
    if (wake) policy_.Wake(&word, 1);
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
  static constexpr uint8_t kWakeClaimed = 0x80;
  static constexpr uint8_t kSleepers = 0x7f;

  using Patience = typename Policy::Patience;
  static constexpr int kFirstSleep = Patience::kSpinRounds + Patience::kYieldRounds;

  // What ends the wait for a regular lock: only the lock.
  struct NoEnd {
    bool Over(uint8_t, int, LockResult*) { return false; }
    int64_t NapLimit() { return std::numeric_limits<int64_t>::max(); }
  };

  // What else ends the wait for a resilient lock: its limit, a ring, a cancel. Lives on the
  // waiter's stack for as long as the wait is known to others.
  class Ends {
   public:
    // `slot` is needed if the wait gets published.
    Ends(Policy& policy, Word& word, const WaitLimit& limit, Slot* slot)
        : policy_(policy), word_(word), limit_(limit), slot_(slot) {}

    // hooks::CancelCallback. From any thread, also from within observer.Waiting.
    static void Cancel(void* ends) {
      Ends& self = *static_cast<Ends*>(ends);
      // Relaxed: it carries nothing but itself.
      self.cancelled_.store(1, std::memory_order_relaxed);
      self.policy_.Wake(&self.word_, std::numeric_limits<int>::max());
    }

    void Publish(uint8_t holder_mark) {
      interrupted_ = Rings::Save(*slot_);
      mine_.ticket = policy_.tickets().fetch_add(1, std::memory_order_acq_rel) + 1;
      mine_.word = Fast::AddressOf(word_);
      mine_.held_inline = Table::OccupiedInline(*slot_);
      mine_.held_chunked = Table::OccupiedChunked(*slot_);
      mine_.holder_mark = holder_mark;
      Rings::Publish(*slot_, mine_);
    }

    // Whatever was published before this wait is again.
    void Withdraw() {
      if (mine_.ticket != 0) Rings::Publish(*slot_, interrupted_);
    }

    // Whether to give up the wait for a lock whose `locked` is `seen`, in the given round.
    bool Over(uint8_t seen, int round, LockResult* result) {
      // Relaxed: see Cancel.
      if (cancelled_.load(std::memory_order_relaxed) != 0) {
        *result = LockResult::kDeadlock;
        return true;
      }
      bool search = false;
      if (mine_.ticket != 0) {
        if (seen != mine_.holder_mark) {
          mine_.holder_mark = seen;
          // Relaxed: a hint.
          slot_->wait.holder_mark.store(seen, std::memory_order_relaxed);
        }
        // Acquire: pairs with the release in Search. The waits and holds that the other thread saw
        // are visible to us, too.
        search = !searched_ ||
                 (slot_->wait.look_again.load(std::memory_order_relaxed) == mine_.ticket &&
                  slot_->wait.look_again.exchange(0, std::memory_order_acquire) == mine_.ticket);
      }
      if (search || round >= Patience::kRoundsWithoutClock) {
        const int64_t now = policy_.Now();
        if (TimeIsUp(now)) {
          *result = LockResult::kTimedOut;
          return true;
        }
        if (mine_.ticket != 0 && (search || now >= next_search_)) {
          next_search_ = Sum(now, kSearchInterval);
          searched_ = true;
          if (Search()) {
            *result = LockResult::kDeadlock;
            return true;
          }
        }
      }
      return false;
    }

    // After Over said no.
    int64_t NapLimit() const { return end_ - now_; }

   private:
    static int64_t Sum(int64_t a, int64_t b) {  // neither negative
      return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max()
                                                         : a + b;
    }

    // The limit has passed when it has passed in full: at exactly its end it has.
    bool TimeIsUp(int64_t now) {
      now_ = now;
      if (end_ == 0) end_ = Sum(now, limit_.nanoseconds);
      if (now < end_) return false;
      if (limit_.remaining == nullptr) return true;
      const int64_t left = limit_.remaining(limit_.argument);
      if (left <= 0) return true;
      end_ = Sum(now, left);
      return false;
    }

    // Whether this thread has to give way.
    bool Search() {
      const auto ring = Rings::Look(policy_, *slot_, mine_);
      if (ring.newest == nullptr) return false;
      if (ring.newest == slot_) return true;
      // Release: pairs with the acquire in Over.
      ring.newest->wait.look_again.store(ring.newest_ticket, std::memory_order_release);
      policy_.Wake(reinterpret_cast<const void*>(ring.newest_word),
                   std::numeric_limits<int>::max());
      return false;
    }

    Policy& policy_;
    Word& word_;
    const WaitLimit limit_;
    Slot* const slot_;
    typename Atomics::template Atomic<uint8_t> cancelled_{0};
    Wait mine_;         // ticket 0: not published
    Wait interrupted_;  // what was published before: the wait that this signal handler interrupts
    bool searched_ = false;
    int64_t next_search_ = 0;
    int64_t end_ = 0;  // 0: the clock was not read yet
    int64_t now_ = 0;
  };

  // Goes on where Acquire found that the lock was taken, by `seen`.
  template <class Observer>
  [[gnu::noinline]] LockResult AcquireTaken(Word& word, uint8_t seen, Slot* slot, Cell* attempt,
                                            WaitLimit limit, Observer observer) {
    if (attempt != nullptr && IsMine(word, seen, *slot)) {
      Unlist(attempt);
      observer.Failed(LockResult::kDeadlock);
      return LockResult::kDeadlock;
    }
    if (limit.remaining != nullptr) limit.nanoseconds = limit.remaining(limit.argument);
    if (limit.nanoseconds <= 0) {
      Unlist(attempt);
      observer.Failed(LockResult::kTimedOut);
      return LockResult::kTimedOut;
    }
    Ends ends(policy_, word, limit, slot);
    observer.Waiting(&Ends::Cancel, &ends);
    if (attempt != nullptr && Table::HoldsMore(*slot, attempt)) ends.Publish(seen);
    const LockResult result =
        WaitUntilTaken(word, attempt != nullptr ? slot->mark : kUnlistedMark, ends);
    if (result == LockResult::kOk) {
      Confirm(word, attempt);
      ends.Withdraw();
      observer.Acquired();
    } else {
      ends.Withdraw();
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
  // list an attempt, or a release in progress, of the code that was interrupted. If the mark is
  // ours and the table says "held", we hold it. Otherwise either a thread with the same mark holds
  // it, or we are in a handler that interrupted the code between the compare-and-swap and its
  // confirmation, or in the midst of a release. If there is no thread with the same mark, it is the
  // latter. If there is one (with more than 254 threads), that is not known: the limit ends the
  // wait.
  bool IsMine(Word& word, uint8_t seen, Slot& slot) {
    if (seen != slot.mark) return false;
    if (Table::FindHeld(slot, word) != nullptr) return true;
    const uint64_t changes = policy_.slot_changes();
    // Acquire: if another thread wrote this after it got its slot, the change is visible below.
    if (word.locked.load(std::memory_order_acquire) != slot.mark) return false;
    const uint32_t limit = policy_.slot_limit();
    for (uint32_t id = slot.mark - 1u; id < limit; id += kSlotMarks) {
      if (id != slot.id && policy_.slot_in_use(id)) return false;
    }
    // No slot came into use or went out of it meanwhile. So all the time there was no other thread
    // with this mark, also when `locked` had it.
    return policy_.slot_changes() == changes;
  }

  template <class End>
  LockResult WaitUntilTaken(Word& word, uint8_t mark, End& end) {
    LockResult result = LockResult::kOk;
    bool announced = false;
    int64_t nap = kFirstNap;
    for (int round = 0;; ++round) {
      // Relaxed: a free lock is taken, with acquire order, below.
      uint8_t seen = word.locked.load(std::memory_order_relaxed);
      if (seen == 0 && Take(word, &seen, mark)) break;
      if (end.Over(seen, round, &result)) break;
      if (round < Patience::kSpinRounds) {
        policy_.Pause(std::min(1 << round, Patience::kLongestPauses));
      } else if (round < kFirstSleep) {
        policy_.Yield();
      } else {
        if (!announced && Announce(word)) {
          announced = true;  // look some more, then sleep
        } else if (Sleep(word, std::min(nap, end.NapLimit()))) {
          nap = std::min(2 * nap, kLongestNap);
        }
        round = kFirstSleep - Patience::kRoundsBeforeSleep - 1;
      }
    }
    if (announced) Renounce(word, /*pass_on=*/result != LockResult::kOk);
    return result;
  }

  // Counts the caller among those who may sleep. False if no more can be counted.
  //
  // All operations on `pending` are relaxed: it says only whom to wake, and the kernel compares it
  // again, under its own lock, before it puts anyone to sleep.
  static bool Announce(Word& word) {
    uint8_t now = word.pending.load(std::memory_order_relaxed);
    do {
      if ((now & kSleepers) == kSleepers) return false;
    } while (!word.pending.compare_exchange_weak(
        now, static_cast<uint8_t>(now + 1), std::memory_order_relaxed, std::memory_order_relaxed));
    return true;
  }

  // Takes Announce back. Who leaves without the lock may have used up a wake-up that somebody else
  // needs, and passes it on.
  void Renounce(Word& word, bool pass_on) {
    uint8_t now = word.pending.load(std::memory_order_relaxed);
    uint8_t left;
    do {
      left = static_cast<uint8_t>((now & kSleepers) - 1);
    } while (!word.pending.compare_exchange_weak(now, left, std::memory_order_relaxed,
                                                 std::memory_order_relaxed));
    if (pass_on && left != 0) policy_.Wake(&word, 1);
  }

  // True if the nap ran out.
  bool Sleep(Word& word, int64_t nanoseconds) {
    const uint8_t locked = word.locked.load(std::memory_order_relaxed);
    if (locked == 0) return false;
    uint8_t pending = word.pending.load(std::memory_order_relaxed);
    // A wake-up that was meant for somebody like us has been seen; the next unlock may wake again.
    while ((pending & kWakeClaimed) != 0) {
      const uint8_t unclaimed = pending & kSleepers;
      if (word.pending.compare_exchange_weak(pending, unclaimed, std::memory_order_relaxed,
                                             std::memory_order_relaxed)) {
        pending = unclaimed;
      }
    }
    return policy_.Sleep(word, locked, pending, nanoseconds);
  }

  // Whether the caller, who is about to free the lock, has to wake a sleeper afterwards.
  static bool ClaimWake(Word& word) {
    uint8_t now = word.pending.load(std::memory_order_relaxed);
    do {
      if ((now & kSleepers) == 0 || (now & kWakeClaimed) != 0) return false;
    } while (!word.pending.compare_exchange_weak(now, static_cast<uint8_t>(now | kWakeClaimed),
                                                 std::memory_order_relaxed,
                                                 std::memory_order_relaxed));
    return true;
  }

  Policy& policy_;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_SPINLOCK_SLOW_PATH_H_
