// The bugs F1, F5, F12 and F17 of the kernel's rqspinlock, put back on purpose: the harness finds
// each, in a scenario in which it finds nothing without the bug. So a scenario that finds nothing
// says something.
//
// Our algorithm is not the kernel's, so it is the analogue of each bug that is put back
// (src/deliberate_fault.h):
//   F1   In the kernel an NMI that interrupted the head of a queue queued behind it, and waited
//        without a check for the waiter that it suspended. Here a thread has one node; a handler
//        that finds it in use waits outside the queue and may take the lock at any time. The bug:
//        it waits until the queue has gone.
//   F5   In the kernel AA was missed between the compare-and-swap and the entry into the held
//   table,
//        and between the removal of the entry and the release of the lock. Here the entry is made
//        first and goes last, but says "held" only in between; who asks in these windows is told by
//        the mark in the lock word. The bug: only the table is asked.
//   F12  In the kernel a head that gave up waited for a successor, which need not exist. Here it
//        tries to take the tail back first. The bug: it does not.
//   F17  In the kernel's algorithm a context sets the pending bit for a moment and then does not
//        queue; a head that met the bit waits for ever for a successor. Here the flag of the
//        spinner makes unlocks wake nobody. The bugs: a spinner that gives up leaves its flag
//        behind; or it does not look whether an unlock counted on it meanwhile.
#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

using internal::DeliberateFault;

// --- F1 -----------------------------------------------------------------------------------------

// Thread 1 waits at `place`, and a handler on it takes the same lock. It must get it.
template <DeliberateFault kBug>
SimProgram HandlerOverAWaiter(int place, int* over_waiter) {
  using W = World<3, 1, kBug>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    w.scheduler().Await([&w] { return w.acquired != 0; });
    w.TakeAll({0});
  };
  const auto behind = [](W& w) {
    w.scheduler().Await([&w] { return w.IsHead(1) || w.IsHead(2) || w.IsAsleep(1) || w.done[0]; });
    w.TakeAll({0});
  };
  const auto handler = [over_waiter](W& w) {
    *over_waiter += w.IsHead(1) || w.IsBehind(1) ? 1 : 0;
    const LockResult result = w.Acquire(0);
    if (result == LockResult::kOk) w.Release(0);
  };
  return Program<W>(storage.Renew(),
                    {[](W& w) {
                       w.HoldUntil(0, [&w] { return w.IsAsleep(1); });
                       w.done[0] = true;
                     },
                     place == 0 ? std::function<void(W&)>(waiter) : behind,
                     place == 0 ? std::function<void(W&)>(behind) : waiter},
                    [](W& w) { return w.acquired == 3 ? w.Leftovers() : "lost one"; },
                    {nullptr, handler});
}

TEST(PutBackBugs, F1_HandlerWaitsForTheHeadThatItInterrupts) {
  int over_waiter = 0;
  Explore("F1, head", {.preemptions = Preemptions(0, 1)},
          [&] { return HandlerOverAWaiter<DeliberateFault::kNone>(0, &over_waiter); });
  ExpectHappened("a handler over a queued waiter", over_waiter);
  ExpectViolation("F1, head, put back", {.preemptions = Preemptions(0, 1)}, [&] {
    return HandlerOverAWaiter<DeliberateFault::kUnqueuedWaitsForTheQueue>(0, &over_waiter);
  });
}

TEST(PutBackBugs, F1_HandlerWaitsForTheQueuedWaiterThatItInterrupts) {
  int over_waiter = 0;
  Explore("F1, middle", {.preemptions = Preemptions(0, 1)},
          [&] { return HandlerOverAWaiter<DeliberateFault::kNone>(1, &over_waiter); });
  ExpectHappened("a handler over a queued waiter", over_waiter);
  ExpectViolation("F1, middle, put back", {.preemptions = Preemptions(0, 1)}, [&] {
    return HandlerOverAWaiter<DeliberateFault::kUnqueuedWaitsForTheQueue>(1, &over_waiter);
  });
}

// Crosswise: a handler takes the lock that the other thread waits for; or each of two does.
template <DeliberateFault kBug>
SimProgram HandlersCrosswise(bool both) {
  using W = World<3, 2, kBug>;
  static SimStorage<W> storage;
  const auto waiter = [](int lock) {
    return [lock](W& w) {
      w.scheduler().Await([&w] { return w.acquired >= 2; });
      w.TakeAll({lock});
    };
  };
  const auto handler = [](int lock) {
    return [lock](W& w) {
      const int me = w.scheduler().thread();
      if (!w.IsHead(me) && !w.IsBehind(me)) return;
      const LockResult result = w.Acquire(lock);
      if (result == LockResult::kOk) w.Release(lock);
    };
  };
  return Program<W>(storage.Renew(),
                    {[](W& w) {
                       if (w.Count(w.Acquire(0)) != LockResult::kOk)
                         w.scheduler().Fail("did not get it");
                       w.HoldUntil(1, [&w] { return w.IsAsleep(1) && w.IsAsleep(2); });
                       w.Release(0);
                     },
                     waiter(0), waiter(1)},
                    [](W& w) { return w.acquired == 4 ? w.Leftovers() : "lost one"; },
                    {nullptr, handler(1), both ? std::function<void(W&)>(handler(0)) : nullptr});
}

TEST(PutBackBugs, F1_HandlersCrosswise) {
  Explore("F1, crosswise", {.preemptions = 0},
          [] { return HandlersCrosswise<DeliberateFault::kNone>(/*both=*/false); });
  // With two handlers there is too much to explore for any preemption.
  if (Preemptions(0, 1) != 0) {
    ExploreWithin("F1, crosswise, both", {.preemptions = 0},
                  [] { return HandlersCrosswise<DeliberateFault::kNone>(/*both=*/true); });
  }
  for (const bool both : {false, true}) {
    ExpectViolation("F1, crosswise, put back", {.preemptions = 0}, [both] {
      return HandlersCrosswise<DeliberateFault::kUnqueuedWaitsForTheQueue>(both);
    });
  }
}

// --- F5 -----------------------------------------------------------------------------------------

// A handler asks for the lock of the code that it interrupts, at each step of either the lock or
// the unlock. There is nobody else; so it never has to wait for time to pass.
template <DeliberateFault kBug>
SimProgram HandlerInTheWindow(bool lock_side) {
  struct W : World<1, 1, kBug> {
    bool active = false;
  };
  static SimStorage<W> storage;
  const auto body = [lock_side](W& w) {
    w.active = lock_side;
    w.Note(w.Acquire(0));
    w.active = !lock_side;
    w.Release(0);
  };
  const auto handler = [](W& w) {
    if (!w.active) return;
    const LockResult result = w.Acquire(0, kMillisecond);
    if (result == LockResult::kTimedOut) w.scheduler().Fail("AA missed");
    if (result == LockResult::kOk) w.Release(0);
  };
  return Program<W>(storage.Renew(), {body}, [](W& w) { return w.NobodyFailed(1); }, {handler});
}

TEST(PutBackBugs, F5_AaMissedBetweenTheCompareAndSwapAndItsConfirmation) {
  Explore("F5, lock", {}, [] { return HandlerInTheWindow<DeliberateFault::kNone>(true); });
  ExpectViolation("F5, lock, put back", {},
                  [] { return HandlerInTheWindow<DeliberateFault::kAaByTheTableAlone>(true); });
}

TEST(PutBackBugs, F5_AaMissedInTheMidstOfARelease) {
  Explore("F5, unlock", {}, [] { return HandlerInTheWindow<DeliberateFault::kNone>(false); });
  ExpectViolation("F5, unlock, put back", {},
                  [] { return HandlerInTheWindow<DeliberateFault::kAaByTheTableAlone>(false); });
}

// --- F12 ----------------------------------------------------------------------------------------

// ABBA of two threads, nobody else; the victim may be the head of a queue, alone in it.
template <DeliberateFault kBug>
SimProgram HeadAloneFindsADeadlock() {
  using W = World<2, 2, kBug>;
  static SimStorage<W> storage;
  return Program<W>(storage.Renew(),
                    {[](W& w) {
                       w.TakeAll({0, 1});
                     },
                     [](W& w) {
                       w.TakeAll({1, 0});
                     }},
                    [](W& w) { return w.AtMostOneVictim(4); });
}

TEST(PutBackBugs, F12_HeadAloneLeavesAfterDeadlock) {
  Explore("F12", {.preemptions = 3},
          [] { return HeadAloneFindsADeadlock<DeliberateFault::kNone>(); });
  ExpectViolation("F12, put back", {.preemptions = 3}, [] {
    return HeadAloneFindsADeadlock<DeliberateFault::kHeadWaitsForASuccessor>();
  });
}

template <DeliberateFault kBug>
SimProgram HeadAloneTimesOut() {
  using W = World<2, 1, kBug>;
  static SimStorage<W> storage;
  return Program<W>(storage.Renew(),
                    {[](W& w) { w.HoldUntil(0, [&w] { return w.IsDone(1); }); },
                     [](W& w) {
                       w.scheduler().Await([&w] { return w.acquired != 0; });
                       w.Note(w.Acquire(0, 2 * kMillisecond));
                       w.done[1] = true;
                     }},
                    [](W& w) { return w.timeouts == 1 ? w.Leftovers() : "no timeout"; });
}

TEST(PutBackBugs, F12_HeadAloneLeavesAfterDeadline) {
  Explore("F12, deadline", {}, [] { return HeadAloneTimesOut<DeliberateFault::kNone>(); });
  ExpectViolation("F12, deadline, put back", {},
                  [] { return HeadAloneTimesOut<DeliberateFault::kHeadWaitsForASuccessor>(); });
}

// --- F17 ----------------------------------------------------------------------------------------

// An owner, a head that sleeps, and an attempt that becomes the spinner. It sees that the lock is
// held, and then that its time is up; in between the owner gives the lock back, and wakes nobody
// because there is a spinner. The head must get the lock without waiting for the end of its nap.
template <DeliberateFault kBug>
SimProgram TransientSpinner(int* transient) {
  using W = World<3, 1, kBug>;
  static SimStorage<W> storage;
  W& world = storage.Renew();
  world.at_clock = [&world](int thread) {
    if (thread != 2 || !world.HasSpinner(0)) return;
    world.scheduler().Await([&world] { return !world.IsHeld(0); });
    world.scheduler().PassTime(2 * kMillisecond);
  };
  return Program<W>(
      world,
      {[](W& w) { w.HoldUntil(0, [&w] { return w.HasSpinner(0) && w.IsAsleep(1); }); },
       [](W& w) {
         w.scheduler().Await([&w] { return w.acquired != 0; });
         w.TakeAtOnce(0);
       },
       [transient](W& w) {
         w.scheduler().Await([&w] { return w.acquired != 0 && w.IsAsleep(1); });
         *transient += w.TakeAll({0}, kMillisecond) ? 0 : 1;
       }},
      [](W& w) { return w.acquired + w.timeouts == 3 ? w.Leftovers() : "lost one"; });
}

TEST(PutBackBugs, F17_TransientSpinner) {
  int transient = 0;
  Explore("F17", {.preemptions = 3},
          [&] { return TransientSpinner<DeliberateFault::kNone>(&transient); });
  ExpectHappened("the spinner gave up", transient);
  ExpectViolation("F17, flag left behind", {.preemptions = 3}, [&] {
    return TransientSpinner<DeliberateFault::kSpinnerLeavesItsFlag>(&transient);
  });
  ExpectViolation("F17, nobody woken", {.preemptions = 3}, [&] {
    return TransientSpinner<DeliberateFault::kLeaverWakesNobody>(&transient);
  });
}

}  // namespace
}  // namespace rqlockdep
