// Waiters that sleep are woken: nobody has to wait for the end of a nap because a wake-up was lost
// or went to somebody who has gone.
#include <atomic>
#include <cstdint>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "src/pending_byte.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

TEST(Parking, AnUnlockWakesTheHead) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("wake", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         if (!w.TryAcquire(0)) return;
                         w.scheduler().Await([&w] { return w.IsAsleep(1); });
                         w.Release(0);
                       },
                       [](W& w) { w.TakeAtOnce(0); }},
                      [](W& w) { return w.Leftovers(); });
  });
}

// The same for the regular lock.
TEST(Parking, AnUnlockOfTheRegularLockWakesTheHead) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("wake, regular", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.LockRegular(0);
                         w.scheduler().Await([&w] { return w.IsAsleep(1) || w.done[1]; });
                         w.UnlockRegular(0);
                       },
                       [](W& w) {
                         const int64_t begin = w.scheduler().now();
                         w.LockRegular(0);
                         w.done[1] = true;
                         if (w.scheduler().now() != begin) w.scheduler().Fail("slept on");
                         w.UnlockRegular(0);
                       }},
                      [](W& w) { return w.Leftovers(); });
  });
}

// In the child of a fork the word may tell of a spinner, of a claimed wake-up and of sleepers that
// only the parent has.
TEST(Parking, Bug_InTheChildOfAForkStaleFlagsHidTheSleepers) {
  using W = World<2, 1>;
  using Pending = internal::PendingByte<internal::BasicLockWord<SimAtomics>>;
  static SimStorage<W> storage;
  for (const uint8_t stale :
       {Pending::kSpinner, Pending::kWakeClaimed, uint8_t{3}, uint8_t{0xcf}}) {
    Explore("wake in the child of a fork", {}, [&, stale] {
      W& world = storage.Renew();
      world.is_forked = true;
      return Program<W>(world,
                        {[stale](W& w) {
                           if (!w.TryAcquire(0)) return;
                           w.words[0].pending.store(stale, std::memory_order_relaxed);
                           w.done[0] = true;
                           w.scheduler().Await([&w] { return w.IsAsleep(1); });
                           w.Release(0);
                         },
                         [](W& w) {
                           w.scheduler().Await([&w] { return w.IsDone(0); });
                           w.TakeAtOnce(0);
                         }},
                        [](W& w) { return w.acquired == 1 ? "" : "nobody got it"; });
    });
  }
}

// The next head is woken early: when the head takes the lock, not when it gives it back.
TEST(Parking, TheNextHeadIsWokenBeforeTheSectionEnds) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int slept = 0;
  Explore("early wake", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[&slept](W& w) {
                         w.HoldUntil(0, [&w] { return w.IsHead(1) && w.IsAsleepInQueue(2); });
                         slept += w.IsAsleepInQueue(2) ? 1 : 0;
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         if (w.IsAsleepInQueue(2)) w.scheduler().Fail("the next head sleeps on");
                         w.Inside(0);
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1); });
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("the next head slept when the lock was given back", slept);
}

// Two sleep on the word itself, because they cannot queue. One wake-up each.
TEST(Parking, SeveralSleepersOnTheWord) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    w.scheduler().Await([&w] { return w.acquired != 0; });
    const int64_t begin = w.scheduler().now();
    w.Note(w.AcquireWithoutSlot(0));
    if (w.scheduler().now() != begin) w.scheduler().Fail("slept on");
    w.ReleaseWithoutSlot(0);
  };
  Explore("two sleepers", {.preemptions = 3}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) { w.HoldUntil(0, [&w] { return w.IsAsleep(1) && w.IsAsleep(2); }); }, waiter,
         waiter},
        [](W& w) { return w.NobodyFailed(3); });
  });
}

// A sleeper that was woken gives up instead of taking the lock: the wake-up goes to the next.
TEST(Parking, AWakeUpForALeaverIsPassedOn) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int left = 0;
  int64_t released = 0;
  Explore("wake-up for a leaver", {.preemptions = Preemptions(1, 2), .early_wakeups = 1}, [&] {
    return Program<W>(
        storage.Renew(),
        {[&](W& w) {
           w.HoldUntil(0, [&w] { return (w.IsAsleep(1) || w.done[1]) && w.IsAsleep(2); });
           released = w.scheduler().now();
         },
         [&](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           left += w.Count(w.AcquireWithoutSlot(0, kMillisecond)) != LockResult::kOk ? 1 : 0;
           w.ReleaseWithoutSlot(0);
           w.done[1] = true;
         },
         [&](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           w.Note(w.AcquireWithoutSlot(0, kSimForever));
           // The end of the first sleeper\'s limit, no more.
           if (w.scheduler().now() > released + kMillisecond) w.scheduler().Fail("slept on");
           w.ReleaseWithoutSlot(0);
         }},
        [](W& w) { return w.acquired + w.timeouts == 3 ? w.Leftovers() : "lost one"; });
  });
  ExpectHappened("a sleeper gave up", left);
}

// A sleeper that was woken finds that another has taken the lock, and sleeps again. The next unlock
// wakes it again.
TEST(Parking, AWokenSleeperThatCameTooLateIsWokenAgain) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int again = 0;
  Explore("woken again", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[&again](W& w) {
                         w.HoldUntil(0, [&w] { return w.IsAsleep(1); });
                         if (!w.TryAcquire(0)) return;
                         w.scheduler().Await([&w] { return w.IsAsleep(1); });
                         again += w.Sleepers(0);
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAtOnce(0);
                       }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
  ExpectHappened("the sleeper slept again", again);
}

}  // namespace
}  // namespace rqlockdep
