// Newcomers may take a free lock past those who wait, but not for ever: a head that was passed over
// has the lock reserved, and then nobody passes it.
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

TEST(Stealing, ANewcomerPassesASleepingHead) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int stolen = 0;
  Explore("stolen from the head", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsHead(1) && w.IsAsleep(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                         w.done[1] = true;
                       },
                       [&](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1) || w.done[1]; });
                         if (w.TryAcquire(0)) {
                           stolen += w.IsHead(1) ? 1 : 0;
                           w.Inside(0);
                           w.Release(0);
                         }
                       }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
  ExpectHappened("a newcomer passed the head", stolen);
}

// The thief takes the lock again and again. After a fruitless wake-up or two the head asks for a
// reservation, and from then on the thief does not get it before the head.
TEST(Stealing, NobodyPassesAReservation) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  static constexpr int kRounds = 5;
  int reserved = 0;
  int passed = 0;
  Explore("reservation", {.preemptions = Preemptions(4, kUnlimited), .early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(),
                      {[&](W& w) {
                         bool head_comes_next = false;
                         for (int round = 0; round < kRounds; ++round) {
                           if (!w.TryAcquire(0)) {
                             w.scheduler().Step(/*willing=*/true);
                             continue;
                           }
                           if (head_comes_next && !w.done[1])
                             w.scheduler().Fail("passed a reservation");
                           passed += w.IsHead(1) ? 1 : 0;
                           if (round == 0) {
                             w.scheduler().Await([&w] { return w.IsHead(1) && w.IsAsleep(1); });
                           }
                           w.Inside(0);
                           w.Release(0);
                           head_comes_next = w.words[0].locked.Peek() == internal::kReservedMark;
                           reserved += head_comes_next ? 1 : 0;
                         }
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHeld(0); });
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.done[1] = true;
                         w.Inside(0);
                         w.Release(0);
                       }},
                      [](W& w) { return w.NobodyFailed(1); });
  });
  ExpectHappened("the head was passed", passed);
  ExpectHappened("the lock was reserved", reserved);
}

// A reservation for a waiter that has left meanwhile: the lock is free for everybody, who makes one
// attempt as `take` does.
void AReservationForNobody(const char* what, bool (*take)(World<3, 1>&)) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int unclaimed = 0;
  Explore(what, {.preemptions = Preemptions(2, 3), .early_wakeups = 2}, [&] {
    return Program<W>(
        storage.Renew(),
        {[&](W& w) {
           // Until the head has slept through a nap, which makes it ask.
           w.HoldUntil(0, [&w] {
             return (w.words[0].pending.Peek() & W::Pending::kReserve) != 0 || w.done[1];
           });
           unclaimed += w.words[0].locked.Peek() == internal::kReservedMark ? 1 : 0;
           w.done[0] = true;
         },
         [](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           w.TakeAll({0}, 3 * kMillisecond);
           w.done[1] = true;
         },
         [take](W& w) {
           w.scheduler().Await([&w] { return w.done[0] && w.done[1]; });
           if (!take(w)) w.scheduler().Fail("reserved for nobody");
           w.Release(0);
         }},
        [](W& w) { return w.deadlocks != 0 ? std::string("a false alarm") : w.Leftovers(); });
  });
  ExpectHappened("the lock was reserved", unclaimed);
}

TEST(Stealing, AReservationForNobodyIsNone) {
  AReservationForNobody("unclaimed reservation", [](World<3, 1>& w) { return w.TryAcquire(0); });
}

TEST(Stealing, Bug_AttemptWithoutWaitingFailedOnAReservationForNobody) {
  AReservationForNobody("unclaimed reservation, limit 0", [](World<3, 1>& w) {
    return w.Acquire(0, /*limit=*/0) == LockResult::kOk;
  });
}

// A waiter that gives up as the lock is left to the head does not open it to newcomers.
TEST(Stealing, ALeaverLeavesTheReservationToOthers) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int left = 0;
  Explore("reservation and a leaver", {.preemptions = 2, .early_wakeups = 1}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) {
           // Until the head has slept through a nap, which makes it ask.
           w.HoldUntil(0, [&w] { return (w.words[0].pending.Peek() & W::Pending::kReserve) != 0; });
           if (w.words[0].locked.Peek() != internal::kReservedMark) return;
           w.done[0] = true;
           if (!w.TryAcquire(0)) return;
           // The leaver is one of the first waiters, too, as long as it waits.
           if (w.acquired == 1) w.scheduler().Fail("passed a reservation");
           w.Release(0);
         },
         [](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           if (w.Count(w.Acquire(0)) != LockResult::kOk) w.scheduler().Fail("did not get it");
           w.done[1] = true;
           w.Release(0);
         },
         [&](W& w) {
           w.scheduler().Await([&w] { return w.IsHead(1) || w.done[1]; });
           const bool gave_up = !w.TakeAll({0}, kMillisecond);
           left += gave_up && w.done[0] && !w.done[1] ? 1 : 0;
         }},
        [](W& w) { return w.deadlocks != 0 ? std::string("a false alarm") : w.Leftovers(); });
  });
  ExpectHappened("a waiter gave up when the lock was reserved", left);
}

}  // namespace
}  // namespace rqlockdep
