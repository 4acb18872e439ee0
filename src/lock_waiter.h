// One wait for a lock: where the waiter stands, and what it does until it has the lock or has to
// go.
//
//   newcomer  Looks a few times, and takes the lock if it is free, past all who wait. On a machine
//             with more threads than processors that is what keeps a lock in use: who is first in
//             the queue may be asleep, or off its processor.
//   spinner   The first of those who do not get it this way. Spins without a place in the queue,
//             and joins it before it would yield or sleep.
//   queued    Waits for its turn to be the head: spins if it is next, on its own node, then sleeps
//             unless its processor would be idle. After each full nap it looks at the lock as well,
//             because the head may be a thread that does not run.
//   head      Competes with the spinner and the newcomers: spins, yields, sleeps.
//   unqueued  Like the head, for who cannot queue: a signal handler whose thread is in the queue, a
//             thread without a slot.
//
// Passing over is bounded: a newcomer has kNewcomerLooks; after a nap without success, or
// kFruitlessWakes wake-ups, a head asks that the lock be left to the first waiters. The next unlock
// does so (kReservedMark), newcomers find the lock taken, and the head gets it.
//
// Spin, yield, sleep: spinning (backoff.h) goes on while the lock changes hands, up to a limit.
// Then the processor is offered to others. If nobody wants it, sleeping would only leave it idle,
// and waking would cost more than a short section: the waiter goes on for kIdleSpin. If somebody
// does want it, it may be the holder: the waiter sleeps.
#ifndef RQLOCKDEP_SRC_LOCK_WAITER_H_
#define RQLOCKDEP_SRC_LOCK_WAITER_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/backoff.h"
#include "src/deliberate_fault.h"
#include "src/pending_byte.h"
#include "src/progress_clock.h"
#include "src/reservation.h"
#include "src/waiter_queue.h"

namespace rqlockdep::internal {

// `End` says what ends the wait but the lock:
//   Over(seen, look, &result)  whether to give up, at the look of that number
//   NapLimit()                 nanoseconds until it may be over, after Over said no
template <class Policy, class End>
class LockWaiter {
 public:
  using Atomics = typename Policy::Atomics;
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Pending = PendingByte<Word>;
  using Queue = WaiterQueue<Policy>;

  // `slot` is the calling thread's, or null; `mark` goes into `locked`.
  LockWaiter(Policy& policy, Word& word, Slot* slot, uint8_t mark, End& end)
      : policy_(policy),
        backoff_(policy),
        queue_(policy),
        word_(word),
        slot_(slot),
        mark_(mark),
        end_(end) {}

  // Until the lock is taken (kOk) or the wait is over. Leave() has to follow, soon.
  LockResult Wait() {
    LockResult result = LockResult::kOk;
    for (int look = 0;; ++look) {
      if (place_ == Place::kQueue && Queue::IsHead(*slot_)) BecomeHead();
      uint8_t seen;
      if (backoff_.Look([&] { return Look(&seen); })) break;
      NoteProgress(seen);
      if (end_.Over(seen, look, &result)) break;
      Rest();
    }
    return result;
  }

  // Gives up the place among the waiters, with or without the lock.
  void Leave(bool with_lock) {
    uint8_t flags = 0;
    if (place_ == Place::kSpinner) flags |= Pending::kSpinner;
    if (Has<Policy>(DeliberateFault::kSpinnerLeavesItsFlag) && !with_lock) flags = 0;
    if (asked_) flags |= Pending::kReserve;
    // One that could not be counted may have been woken in the place of one that was.
    if (slept_ && !announced_) flags |= Pending::kWakeClaimed;
    uint8_t sleepers = 0;
    if (flags != 0 || announced_) {
      sleepers = Pending::Leave(word_, flags, announced_);
      announced_ = false;
    } else if (!with_lock) {
      sleepers = Pending::Get(word_) & Pending::kSleepers;
    }
    if (place_ == Place::kHead || (place_ == Place::kQueue && !Queue::Abandon(*slot_))) {
      queue_.PassHead(word_, *slot_);
    }
    if (!with_lock) PassOn(sleepers);
  }

 private:
  using Patience = typename Policy::Patience;
  enum class Place { kNewcomer, kSpinner, kQueue, kHead, kUnqueued };

  static constexpr int64_t kFirstNap = ProgressClock<Atomics>::kMillisecond;
  static constexpr int64_t kLongestNap = ProgressClock<Atomics>::kLongestNap;

  static bool IsFree(uint8_t seen) { return seen == 0 || seen == kReservedMark; }

  bool MayTake(uint8_t seen) const {
    switch (place_) {
      case Place::kNewcomer:
        return seen == 0 || MayTakeReserved();
      case Place::kQueue:
        return overslept_;
      case Place::kUnqueued:
        // Also a reserved one: the wake-up may have come to us, and nobody else knows.
        return !Has<Policy>(DeliberateFault::kUnqueuedWaitsForTheQueue) || MayTakeReserved();
      case Place::kSpinner:
      case Place::kHead:
        return true;
    }
    return false;
  }

  // Whether those for whom a lock was reserved have gone.
  bool MayTakeReserved() const { return IsUnclaimed(policy_, word_, announced_ ? 1 : 0); }

  // Takes the lock if it may; else *seen says who has it.
  //
  // Without a load before it: between the two the line would be only shared, and the
  // compare-and-swap would have to ask for it a second time.
  bool Look(uint8_t* seen) {
    if (!MayTake(0)) {
      // Who spins in the queue leaves the lock's line to those who compete for it, and to its
      // holder. Relaxed: says only whether to look further.
      const bool spins_on_node = place_ == Place::kQueue && spins_ < Patience::kSpinRounds;
      *seen = spins_on_node ? last_seen_ : word_.locked.load(std::memory_order_relaxed);
      return false;
    }
    *seen = 0;
    return Take(seen) || (*seen == kReservedMark && MayTake(*seen) && Take(seen));
  }

  bool Take(uint8_t* seen) {
    // Acquire: pairs with the release store of the last unlock. Relaxed on failure: nothing is read
    // on the strength of it.
    return word_.locked.compare_exchange_strong(*seen, mark_, std::memory_order_acquire,
                                                std::memory_order_relaxed);
  }

  // The lock changed hands, or its holder touched it, since the last look. (The word of a regular
  // lock says nothing of its holder; that its line was away does.)
  void NoteProgress(uint8_t seen) {
    if (seen == last_seen_ && !backoff_.line_was_away()) return;
    last_seen_ = seen;
    if (place_ == Place::kNewcomer) return;  // has a number of looks, come what may
    if (spins_ < Patience::kSpinRounds && spins_left_over_ > 0) {
      spins_left_over_ -= spins_;
      spins_ = 0;
    }
  }

  // In the queue one yield that lets somebody else run is enough. If the processor would be idle,
  // it goes on as with the head.
  static int FirstYieldInQueue() {
    return Patience::kIdleSpin > 0 ? Patience::kYields - 1 : Patience::kYields;
  }

  // What the waiter does between two looks.
  void Rest() {
    overslept_ = false;
    if (place_ == Place::kNewcomer) {
      if (spins_ < Patience::kNewcomerLooks) {
        ++spins_;
        backoff_.Rest();
      } else {
        TakePlace();
      }
    } else if (spins_ < Patience::kSpinRounds) {
      ++spins_;
      backoff_.Rest();
    } else if (place_ == Place::kSpinner) {
      JoinAfterSpinning();
    } else if (yields_ < Patience::kYields) {
      Yield();
    } else {
      Sleep();
    }
  }

  void Yield() {
    const int64_t before = policy_.Now();
    policy_.Yield();
    const int64_t after = policy_.Now();
    if (idle_since_ == 0) idle_since_ = before;
    if (after - before >= Patience::kQuickYield) {
      ++yields_;  // somebody else ran
    } else if (after - idle_since_ >= Patience::kIdleSpin) {
      yields_ = Patience::kYields;
    }
    spins_ = Patience::kSpinRounds - Patience::kRoundsBetweenYields;
  }

  void TakePlace() {
    spins_ = 0;
    if (Pending::BecomeSpinner(word_)) {
      place_ = Place::kSpinner;
    } else {
      Join();
    }
  }

  // The spinner has to stay on its processor, for while there is one an unlock wakes nobody. So it
  // is no spinner any more before it yields or sleeps.
  void JoinAfterSpinning() {
    const uint8_t sleepers = Pending::Leave(word_, Pending::kSpinner, false);
    Join();
    PassOn(sleepers);
  }

  void Join() {
    yields_ = 0;
    idle_since_ = 0;
    switch (slot_ == nullptr ? Queue::Joined::kBusy : queue_.Join(word_, *slot_)) {
      case Queue::Joined::kBusy:
        place_ = Place::kUnqueued;
        break;
      case Queue::Joined::kHead:
        place_ = Place::kHead;
        break;
      case Queue::Joined::kSecond:
        place_ = Place::kQueue;
        yields_ = FirstYieldInQueue();
        break;
      case Queue::Joined::kLater:
        place_ = Place::kQueue;
        yields_ = FirstYieldInQueue();
        spins_ = Patience::kSpinRounds;
        break;
    }
  }

  void BecomeHead() {
    place_ = Place::kHead;
    spins_ = 0;
    yields_ = 0;
    idle_since_ = 0;
    nap_ = kFirstNap;
  }

  void Sleep() {
    const int64_t nap = std::min(nap_, end_.NapLimit());
    if (place_ == Place::kQueue) {
      overslept_ = queue_.Sleep(*slot_, nap);
    } else {
      if (!announced_ && Pending::Announce(word_)) {
        announced_ = true;  // look some more, then sleep
        spins_ = Patience::kSpinRounds - Patience::kRoundsBeforeSleep;
        return;
      }
      if (!SleepOnWord(nap)) return;
      if (!asked_ && (overslept_ || ++fruitless_ >= Patience::kFruitlessWakes)) {
        asked_ = true;
        Pending::AskToReserve(word_);
      } else if (asked_ && (Pending::Get(word_) & Pending::kReserve) == 0) {
        Pending::AskToReserve(word_);  // somebody else got what we had asked for
      }
      spins_ = 0;
    }
    if (overslept_) nap_ = std::min(2 * nap_, kLongestNap);
  }

  // False if there was no reason to sleep.
  bool SleepOnWord(int64_t nanoseconds) {
    // Relaxed: the kernel compares all of it again.
    const uint8_t locked = word_.locked.load(std::memory_order_relaxed);
    if (IsFree(locked) && MayTake(locked)) return false;
    uint8_t pending = Pending::Get(word_);
    // A wake-up that was meant for somebody like us has been seen; the next unlock may wake again.
    if ((pending & Pending::kWakeClaimed) != 0) pending = Pending::Unclaim(word_);
    const uint16_t tail = word_.tail.load(std::memory_order_relaxed);
    slept_ = true;
    overslept_ = policy_.Sleep(word_, locked, pending, tail, nanoseconds);
    return true;
  }

  // After leaving without the lock: sees to it that a free lock has somebody who knows.
  void PassOn(uint8_t sleepers) {
    if (Has<Policy>(DeliberateFault::kLeaverWakesNobody)) return;
    uint8_t seen = word_.locked.load(std::memory_order_relaxed);
    if (!IsFree(seen)) return;
    if (seen == kReservedMark && sleepers == 0 && MayTakeReserved()) {
      // Relaxed: the lock stays free, and whoever takes it reads on from the same unlock (a
      // read-modify-write continues its release sequence).
      word_.locked.compare_exchange_strong(seen, 0, std::memory_order_relaxed,
                                           std::memory_order_relaxed);
    }
    if (sleepers != 0) policy_.Wake(&word_, 1);
  }

  Policy& policy_;
  Backoff<Policy> backoff_;
  Queue queue_;
  Word& word_;
  Slot* const slot_;
  const uint8_t mark_;
  End& end_;
  Place place_ = Place::kNewcomer;
  bool announced_ = false;  // counted in kSleepers
  bool asked_ = false;      // has set kReserve
  bool overslept_ = false;  // the last rest was a full nap
  bool slept_ = false;      // on the word
  uint8_t last_seen_ = 0;
  int spins_ = 0;  // rounds since the last progress
  int spins_left_over_ = Patience::kLongestSpin;
  int yields_ = 0;  // that let somebody else run
  int fruitless_ = 0;
  int64_t idle_since_ = 0;
  int64_t nap_ = kFirstNap;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_LOCK_WAITER_H_
