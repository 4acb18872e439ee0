// A cancel at each moment of a wait, in each place: the waiter gives up or has got the lock,
// nothing in between, and it does so after a short nap at most, which a waiter has that was about
// to sleep. As the hooks promise, a cancel is over before Acquired or Failed returns.
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/cancellable.h"
#include "tests/interleavings/explore.h"

namespace rqlockdep {
namespace {

TEST(Cancel, AgainstTheRelease) {
  using W = Cancellable<2, 1>;
  static SimStorage<W> storage;
  int gave_up = 0;
  Explore("cancel against release", {.early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.TakeAll({0});
                         w.Cancel();
                       },
                       [](W& w) { w.Take(); }},
                      [&](W& w) {
                        gave_up += w.deadlocks;
                        return w.acquired + w.deadlocks == 2 ? w.Leftovers() : "lost one";
                      });
  });
  ExpectHappened("the waiter gave up", gave_up);
}

// From within the hook that says that the wait begins.
TEST(Cancel, AtTheBeginning) {
  using W = Cancellable<2, 1>;
  static SimStorage<W> storage;
  Explore("cancel at once", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsDone(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Take(/*at_once=*/true)) w.scheduler().Fail("got a held lock");
                         w.done[1] = true;
                       }},
                      [](W& w) { return w.deadlocks == 1 ? w.Leftovers() : "not cancelled"; });
  });
}

// The owner cancels at each moment of the wait and keeps the lock until the waiter has gone.
TEST(Cancel, AtEachMomentOfALonelyWait) {
  using W = Cancellable<2, 1>;
  static SimStorage<W> storage;
  int asleep = 0;
  Explore("cancel, held lock", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[&](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.cancel != nullptr; });
                         w.scheduler().Step(/*willing=*/false);
                         asleep += w.IsAsleep(1) ? 1 : 0;
                         w.Cancel();
                         w.scheduler().Await([&w] { return w.IsDone(1); });
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Take()) w.scheduler().Fail("got a held lock");
                         w.done[1] = true;
                       }},
                      [](W& w) { return w.deadlocks == 1 ? w.Leftovers() : "not cancelled"; });
  });
  ExpectHappened("a sleeper was cancelled", asleep);
}

// Of three in a queue, the one that is cancelled leaves alone, from the front, the middle, the end.
template <int kWaiter>
void CancelInTheQueue(int preemptions) {
  using W = Cancellable<4, kWaiter>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    const int me = w.scheduler().thread();
    w.scheduler().Await([&w, me] {
      return me == 1 ? w.acquired != 0 : (me == 2 ? w.IsHead(1) : w.IsBehind(me - 1));
    });
    if (me != kWaiter) {
      w.TakeAll({0});
      return;
    }
    w.Take();
    w.done[me] = true;
  };
  int gave_up = 0;
  Explore("cancel in the queue", {.preemptions = preemptions}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) {
           if (w.Count(w.Acquire(0)) != LockResult::kOk) w.scheduler().Fail("did not get it");
           w.scheduler().Await([&w] { return w.IsHead(1) && w.IsBehind(2) && w.IsBehind(3); });
           w.Cancel();
           w.scheduler().Await([&w] { return w.IsDone(kWaiter); });
           w.Release(0);
         },
         waiter, waiter, waiter},
        [&](W& w) {
          gave_up += w.deadlocks;
          return w.deadlocks == 1 && w.acquired == 3 ? w.Leftovers() : "not as expected";
        });
  });
  ExpectHappened("the waiter gave up", gave_up);
}

TEST(Cancel, OfTheHead) { CancelInTheQueue<1>(Preemptions(1, 2)); }
TEST(Cancel, InTheMiddle) { CancelInTheQueue<2>(Preemptions(1, 2)); }
TEST(Cancel, AtTheEnd) { CancelInTheQueue<3>(Preemptions(1, 2)); }

// One that sleeps when it is cancelled does not have the rest of its nap.
template <int kWaiter>
void CancelASleeper() {
  using W = Cancellable<3, kWaiter>;
  static SimStorage<W> storage;
  Explore("cancel a sleeper", {.preemptions = 1}, [&] {
    const auto waiter = [](W& w) {
      const int me = w.scheduler().thread();
      w.scheduler().Await([&w, me] { return me == 1 ? w.acquired != 0 : w.IsHead(1); });
      if (me != kWaiter) {
        w.TakeAll({0});
        return;
      }
      w.Take();
      if (w.scheduler().full_naps() != 0) w.scheduler().Fail("slept on");
      w.done[me] = true;
    };
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsAsleep(1) && w.IsAsleep(2); });
                         w.Cancel();
                         w.scheduler().Await([&w] { return w.IsDone(kWaiter); });
                         w.Release(0);
                       },
                       waiter, waiter},
                      [](W& w) {
                        return w.deadlocks == 1 && w.acquired == 2 ? w.Leftovers()
                                                                   : "not as expected";
                      });
  });
}

TEST(Cancel, OfASleepingHeadEndsItsNap) { CancelASleeper<1>(); }
TEST(Cancel, OfASleeperInTheQueueEndsItsNap) { CancelASleeper<2>(); }

}  // namespace
}  // namespace rqlockdep
