// Signal handlers that take locks, run on top of every step of the code that they interrupt.
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

// A handler takes the lock of the code that it interrupts, at every moment of it.
TEST(Handler, AsksForTheSameLock) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  for (const uint32_t distance : {1u, internal::kSlotMarks}) {
    int as_owner = 0;
    int in_between = 0;
    Explore("handler, same lock", {.preemptions = Preemptions(2, 3)}, [&, distance] {
      const auto body = [](W& w) { w.TakeAll({0}); };
      const auto handler = [&, distance](W& w) {
        // Either the interrupted code holds it: AA. Or it does not, and there is no deadlock.
        const LockResult result = w.Acquire(0, 5 * kMillisecond);
        // With shared marks AA cannot always be told; see SpinlockSlowPath::IsMine.
        if (result == LockResult::kTimedOut && distance == 1) w.scheduler().Fail("timed out");
        as_owner += result == LockResult::kDeadlock ? 1 : 0;
        if (result != LockResult::kOk) return;
        in_between += w.acquired == 0 ? 1 : 0;
        w.Inside(0);
        w.Release(0);
      };
      return Program<W>(storage.Renew(distance), {body, body},
                        [](W& w) { return w.NobodyFailed(2); }, {handler});
    });
    ExpectHappened("the handler met its own thread's lock", as_owner);
    ExpectHappened("the handler got the lock", in_between);
  }
}

// A handler takes another lock, which its owner only gives back after it got the one that the
// interrupted code holds or attempts.
TEST(Handler, ClosesARing) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  Explore("handler, ring", {.preemptions = Preemptions(2, 3)}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) { w.TakeAll({0}); },
         [](W& w) {
           w.TakeAll({1, 0}, 20 * kMillisecond);
         }},
        [](W& w) { return w.deadlocks > 1 ? std::string("two victims") : w.Leftovers(); },
        {[](W& w) { w.TakeAll({1}, 20 * kMillisecond); }});
  });
}

// A waiter that is interrupted by a handler that holds a lock is not blocked as far as that lock
// goes.
TEST(Handler, WhileItRunsItBlocksNobody) {
  using W = World<2, 3>;
  static SimStorage<W> storage;
  int over_wait = 0;
  Explore("running handler", {.preemptions = Preemptions(1, 3)}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.TakeAll({0, 1});
                       },
                       [](W& w) {
                         w.TakeAll({2, 0});
                       }},
                      [](W& w) {
                        if (w.acquired < 4 || w.deadlocks + w.timeouts != 0)
                          return std::string("a false alarm");
                        return w.Leftovers();
                      },
                      {nullptr, [&over_wait](W& w) {
                         const bool waits = w.HasQueue(0);
                         if (w.Count(w.Acquire(1)) != LockResult::kOk) return;
                         // Whoever asks for it meanwhile has looked for a ring.
                         w.scheduler().Await([&w] { return w.IsAsleep(0); });
                         over_wait += waits && w.Sleepers(1) != 0 ? 1 : 0;
                         w.Release(1);
                       }});
  });
  ExpectHappened("a handler over a wait held what the other waited for", over_wait);
}

// A wait that a handler's wait interrupted is published again: the ring through it is found, though
// nobody has a limit.
TEST(Handler, TheInterruptedWaitIsPublishedAgain) {
  using W = World<2, 3>;
  static SimStorage<W> storage;
  Explore("interrupted wait", {.preemptions = Preemptions(1, 2)}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) {
           w.TakeAll({2, 0});
         },
         [](W& w) {
           if (w.Count(w.Acquire(0)) != LockResult::kOk) return;
           w.TakeAll({1});
           w.TakeAll({2});
           w.Release(0);
         }},
        [](W& w) { return w.deadlocks > 1 ? std::string("two victims") : w.Leftovers(); },
        {[](W& w) { w.TakeAll({1}); }});
  });
}

// Each of two owners is interrupted by a handler that takes the other's lock: a ring, and one
// victim, though nobody has a limit. At every step, the one right after the compare-and-swap
// included.
TEST(Handler, TwoOwnersCrosswise) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  int rings = 0;
  Explore("owners crosswise", {.preemptions = Preemptions(1, 3)}, [&] {
    const auto owner = [](W& w) {
      const int me = w.scheduler().thread();
      if (w.Count(w.Acquire(me)) != LockResult::kOk) w.scheduler().Fail("did not get it");
      w.Inside(me);
      w.done[me] = true;
      w.Release(me);
    };
    const auto handler = [](W& w) {
      const int me = w.scheduler().thread();
      // In the midst of a release the limit has to do (ring_search.h).
      if (w.IsHeld(me) && !w.done[me]) w.TakeAll({1 - me});
    };
    return Program<W>(storage.Renew(), {owner, owner},
                      [&](W& w) {
                        rings += w.deadlocks;
                        return w.deadlocks > 1 ? std::string("two victims") : w.Leftovers();
                      },
                      {handler, handler});
  });
  ExpectHappened("a ring of handlers", rings);
}

// A thread's cell is free before the lock is. With the other order a handler that comes in between
// would wait as the owner of a lock that its thread does not have any more: the waiter who is about
// to take it, or (`with_a_third`) waits for another who has taken it, would close a ring that is
// none.
void ReleaseThenWait(const char* what, bool with_a_third, int preemptions) {
  using W = World<3, 2>;
  static SimStorage<W> storage;
  int waited = 0;
  int taken = 0;
  Explore(what, {.preemptions = preemptions}, [&] {
    const auto owner = [](W& w) {
      if (w.Count(w.Acquire(0)) != LockResult::kOk) w.scheduler().Fail("did not get it");
      w.scheduler().Await([&w] { return w.acquired >= 2; });
      w.done[0] = true;
      w.Release(0);
      w.scheduler().Step(/*willing=*/false);  // so that the handler may come after it, too
    };
    const auto handler = [&](W& w) {
      // While the lock is still the thread's, the ring is one.
      const uint8_t mark = w.words[0].locked.Peek();
      if (!w.done[0] || mark == internal::MarkOfSlot(0)) return;
      waited += w.IsHeld(1) ? 1 : 0;
      taken += mark == internal::MarkOfSlot(2) && w.IsHeld(1) ? 1 : 0;
      if (!w.TakeAll({1})) w.scheduler().Fail("a ring that is none");
    };
    const auto waiter = [](W& w) { w.TakeAll({1, 0}); };
    const auto third = [with_a_third](W& w) {
      if (!with_a_third) return;
      w.scheduler().Await([&w] { return w.IsDone(0); });
      // Until the handler sleeps, or thread 0 has ended without.
      if (w.Count(w.Acquire(0)) != LockResult::kOk) w.scheduler().Fail("a false alarm");
      w.scheduler().Await([&w] { return w.IsAsleep(0); });
      w.Release(0);
    };
    return Program<W>(storage.Renew(), {owner, waiter, third},
                      [](W& w) {
                        return w.deadlocks + w.timeouts != 0 ? std::string("a false alarm")
                                                             : w.Leftovers();
                      },
                      {handler});
  });
  ExpectHappened("the handler asked for a lock that was held", waited);
  if (with_a_third) ExpectHappened("another thread had the lock by then", taken);
}

TEST(Handler, InTheMidstOfAReleaseSeesNoRingWithTheNextOwner) {
  ReleaseThenWait("release, next owner", false, Preemptions(3, kUnlimited));
}
TEST(Handler, InTheMidstOfAReleaseSeesNoRingThroughTheNextOwner) {
  ReleaseThenWait("release, through the next owner", true, Preemptions(1, 2));
}

// A thread left its place in the queue of lock 0 and comes back for it. Between Join's two
// compare-and-swaps the place is passed over, and a handler uses the node for another queue and
// leaves it there: the node is abandoned again, but not in the queue of lock 0.
TEST(Handler, Bug_TheNodeWasLeftInAnotherQueueAsItsThreadCameBack) {
  struct W : World<3, 2> {
    SimNote<bool> in_handler;
  };
  static SimStorage<W> storage;
  int left = 0;
  Explore("node left elsewhere", {.preemptions = Preemptions(1, 3)}, [&] {
    W& world = storage.Renew();
    return Program<W>(world,
                      {[](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.HoldUntil(1, [&w] {
                           return w.IsDone(2) && !w.in_handler && w.IsAsleep(1) && w.IsAsleep(2);
                         });
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(2); });
                         if (w.Count(w.Acquire(0, kMillisecond)) == LockResult::kOk)
                           w.scheduler().Fail("got a held lock");
                         w.done[1] = true;
                         w.TakeAll({0});
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired >= 2; });
                         w.Note(w.Acquire(0, 4 * kMillisecond));
                         w.done[2] = true;
                         w.TakeAll({1});
                       }},
                      [&](W& w) -> std::string {
                        if (w.deadlocks != 0) return "a false alarm";
                        return w.acquired == 4 ? w.Leftovers() : "lost one";
                      },
                      {nullptr, [&](W& w) {
                         if (!w.done[1] || w.done[2]) return;
                         w.in_handler = true;
                         w.scheduler().Await([&w] { return w.done[2] && w.IsHead(2); });
                         const LockResult result = w.Acquire(1, kMillisecond);
                         left += result == LockResult::kTimedOut ? 1 : 0;
                         if (result == LockResult::kOk) w.Release(1);
                         w.in_handler = false;
                       }});
  });
  ExpectHappened("the handler left", left);
}

// A handler keeps the head from running until the one behind it has had the lock: who has slept
// through a nap in the queue looks for itself.
TEST(Handler, AWaiterBehindAHeadThatDoesNotRunGetsTheLock) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int kept = 0;
  Explore("head in a handler", {.preemptions = 1}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsHead(1) && w.IsBehind(2); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                         w.done[1] = true;
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1); });
                         w.TakeAll({0});
                         w.done[2] = true;
                       }},
                      [](W& w) { return w.NobodyFailed(3); },
                      {nullptr, [&kept](W& w) {
                         const bool has_it = w.words[0].locked.Peek() == internal::MarkOfSlot(1);
                         if (has_it || !w.IsHead(1) || !w.IsBehind(2)) return;
                         w.scheduler().Await([&w] { return w.IsDone(2); });
                         ++kept;
                       }});
  });
  ExpectHappened("the head did not run", kept);
}

}  // namespace
}  // namespace rqlockdep
