// The bugs of the kernel's rqspinlock after its merge, F1 to F17, and what keeps them away here.
// Each has a test of that name, here or in another file. "Scenario": the kernel's own tests.
//
//   F1   handler waits for the waiter that it interrupts   put_back_bugs_test.cc
//   F2   innocent successors of a deadlock fail            here
//   F3   wrong result after a stuck owner                  here
//   F4   ignored failure, then unlock                      here; UnlockOfALockNotHeldDoesNothing in
//                                                          tests/unit/resilient_spinlock_test.cc
//   F5   AA missed in the windows of lock and unlock       put_back_bugs_test.cc, handler_test.cc;
//                                                          with signals:
//                                                          tests/unit/resilient_spinlock_signal_test.cc
//   F6   AA found late                                     here
//   F7   handlers starve under contention                  here
//   F8   pointless spinning where one attempt is allowed   here
//   F9   handler queues over an owner                      here
//   F10  table entries left behind                         here, and Leftovers() in every test
//   F11  order of restoring interrupts and preemption      TestSignalWaits and TestInterrupts in
//                                                          tests/unit/res_spin_lock_test.c
//   F12  head alone waits for a successor                  put_back_bugs_test.cc
//   F13  failed attempt still visible; sleep without end   here, two tests
//   F14  exactly at the end neither lock nor error         here; LimitByAnotherClock in
//                                                          tests/unit/resilient_spinlock_test.cc
//   F15  re-entrance through instrumentation               here
//   F16  handler in the midst of a change of the table     here
//   F17  transient pending, nobody queues                  put_back_bugs_test.cc
//
//   Scenario AA                       F6 here; AaIsFoundWithoutAWaitWhateverTheLimit
//   Scenario irq/non-irq mismatch     tests/unit/res_spin_lock_test.c
//   Scenario held_lock_max, AB/BA,    tests/stress/rqspinlock_scenarios_test.cc
//     nesting, wrong and out-of-order
//     unlocks, the stress module's
//     three modes, locktorture
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/cancellable.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

// The head is failed with kDeadlock (by a cancel, as the validator does it); those behind it are
// not.
TEST(RqspinlockFixes, F2_SuccessorsOfADeadlockSucceed) {
  using W = Cancellable<4, 1>;
  static SimStorage<W> storage;
  const auto follower = [](W& w) {
    const int me = w.scheduler().thread();
    w.scheduler().Await([&w, me] { return me == 2 ? w.IsHead(1) : w.IsBehind(2); });
    w.TakeAll({0});
  };
  Explore("F2", {.preemptions = Preemptions(0, 2)}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) {
           if (w.Count(w.Acquire(0)) != LockResult::kOk) w.scheduler().Fail("did not get it");
           w.scheduler().Await([&w] { return w.IsHead(1) && w.IsBehind(2) && w.IsBehind(3); });
           w.Cancel();
           w.scheduler().Await([&w] { return w.IsDone(1); });
           w.Release(0);
         },
         [](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           w.Take();
           w.done[1] = true;
         },
         follower, follower},
        [](W& w) {
          return w.deadlocks == 1 && w.acquired == 3 ? w.Leftovers() : "an innocent failed";
        });
  });
}

TEST(RqspinlockFixes, F3_WaitersOfAStuckOwnerTimeOut) {
  using W = World<4, 1>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    w.scheduler().Await([&w] { return w.acquired != 0; });
    if (w.Count(w.Acquire(0, kMillisecond)) != LockResult::kTimedOut) {
      w.scheduler().Fail("not a timeout");
    }
  };
  Explore("F3", {.preemptions = Preemptions(0, 1)}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) { w.HoldUntil(0, [&w] { return w.timeouts == 3; }); }, waiter, waiter, waiter},
        [](W& w) { return w.Leftovers(); });
  });
}

TEST(RqspinlockFixes, F4_UnlockAfterAnIgnoredFailure) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto careless = [](W& w) {
    static_cast<void>(w.Acquire(0, 0));
    w.Release(0);
    w.Release(0);
  };
  Explore("F4", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.TakeAll({0}); }, careless, [](W& w) { w.TakeAll({0}); }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
}

// From the attempt on neither the clock is read nor a pause made.
template <class W>
void NoWaiting(W& w, int thread) {
  const auto fail = [&w, thread](int who) {
    if (who == thread) w.scheduler().Fail("waited");
  };
  w.at_pause = fail;
  w.at_clock = fail;
}

TEST(RqspinlockFixes, F6_AaIsFoundBeforeTheClockIsRead) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int waiting = 0;
  Explore("F6", {}, [&] {
    W& world = storage.Renew();
    NoWaiting(world, 0);
    return Program<W>(world,
                      {[&](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.HasQueue(0); });
                         ++waiting;
                         if (w.Acquire(0) != LockResult::kDeadlock) w.scheduler().Fail("AA missed");
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
  ExpectHappened("AA with a queue", waiting);
}

// A handler over code that holds another lock waits for a lock that two others take again and
// again. It has no limit, and may queue like anybody else.
TEST(RqspinlockFixes, F7_HandlersGetTheLockUnderContention) {
  using W = World<3, 2>;
  static SimStorage<W> storage;
  int waited = 0;
  Explore("F7", {.preemptions = Preemptions(0, 1)}, [&] {
    W& world = storage.Renew();
    world.at_pause = [&](int thread) { waited += thread == 0 ? 1 : 0; };
    const auto busy = [](W& w) {
      for (int i = w.scheduler().thread(); i <= 2; ++i) {  // one twice, the other once
        w.TakeAll({0});
        w.scheduler().Step(/*willing=*/true);
      }
    };
    return Program<W>(world,
                      {[](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({1});
                       },
                       busy, busy},
                      [](W& w) { return w.NobodyFailed(w.done[0] ? 5 : 4); }, {[](W& w) {
                        w.TakeAll({0});
                        w.done[0] = true;
                      }});
  });
  if (Preemptions(0, 1) != 0) ExpectHappened("the handler had to wait", waited);
}

TEST(RqspinlockFixes, F8_OneAttemptIsOneAttempt) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int failed = 0;
  Explore("F8", {}, [&] {
    W& world = storage.Renew();
    NoWaiting(world, 1);
    return Program<W>(world,
                      {[](W& w) { w.TakeAll({0}); },
                       [&](W& w) {
                         if (w.TryAcquire(0)) w.Release(0);
                         if (w.Count(w.Acquire(0, 0)) == LockResult::kOk) w.Release(0);
                         failed += w.timeouts;
                       }},
                      [](W& w) { return w.Leftovers(); });
  });
  ExpectHappened("the attempt failed", failed);
}

TEST(RqspinlockFixes, F9_HandlerOverAnOwnerWhileAnotherIsTheHead) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int over_head = 0;
  Explore("F9", {.preemptions = Preemptions(2, 3)}, [&] {
    W& world = storage.Renew();
    NoWaiting(world, 0);
    return Program<W>(world,
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsHead(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(2); }, {[&](W& w) {
                        if (!w.IsHead(1) || !w.IsHeld(0) || w.acquired != 1) return;
                        ++over_head;
                        if (w.Acquire(0) != LockResult::kDeadlock) w.scheduler().Fail("AA missed");
                      }});
  });
  ExpectHappened("a handler over the owner, with a head", over_head);
}

// Every way in and out, one after the other, by two threads; then the tables are empty.
TEST(RqspinlockFixes, F10_NoPathLeavesAnEntry) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  Explore("F10", {.preemptions = Preemptions(1, 2)}, [&] {
    const auto body = [](W& w) {
      const int first = w.scheduler().thread();
      if (w.TryAcquire(first)) {
        static_cast<void>(w.Acquire(first));                // AA
        w.TakeAll({1 - first}, kMillisecond / 2);           // ABBA, timeout, success
        if (w.TryAcquire(1 - first)) w.Release(1 - first);  // an attempt
        if (w.Acquire(1 - first, 0) == LockResult::kOk) w.Release(1 - first);
        w.Release(first);
      }
      w.Release(first);
    };
    return Program<W>(storage.Renew(), {body, body}, [](W& w) { return w.Leftovers(); });
  });
}

// Thread 0 holds the first lock and has given up the second; that is no ABBA with thread 1, who
// holds the second and waits for the first, whatever thread 0 attempts next.
TEST(RqspinlockFixes, F13_AFailedAttemptIsForgotten) {
  using W = World<2, 3>;
  static SimStorage<W> storage;
  Explore("F13", {.preemptions = Preemptions(3, kUnlimited)}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsDone(1); });
                         static_cast<void>(w.Acquire(1, 0));
                         w.TakeAll({2});
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Count(w.Acquire(1)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.done[1] = true;
                         w.TakeAll({0});
                         w.Release(1);
                       }},
                      [](W& w) { return w.NobodyFailed(4); });
  });
}

// Whoever sleeps does so for a limited time, also without a limit of its own.
TEST(RqspinlockFixes, F13_NobodySleepsForEver) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  Explore("F13, sleep", {.preemptions = Preemptions(1, 2), .early_wakeups = 2}, [&] {
    const auto body = [](W& w) { w.TakeAll({0}); };
    W& world = storage.Renew();
    world.longest_nap = 8 * kMillisecond;
    return Program<W>(world, {body, body, body}, [](W& w) { return w.NobodyFailed(3); });
  });
}

// A nap that ends exactly at the end of the limit.
TEST(RqspinlockFixes, F14_ExactlyAtTheEnd) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("F14", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsDone(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         const int64_t begin = w.scheduler().now();
                         if (w.Count(w.Acquire(0, kMillisecond)) != LockResult::kTimedOut ||
                             w.scheduler().now() - begin != kMillisecond) {
                           w.scheduler().Fail("not at the end");
                         }
                         w.done[1] = true;
                       }},
                      [](W& w) { return w.Leftovers(); });
  });
}

// Instrumentation that takes locks itself, when a wait begins and when it ends.
TEST(RqspinlockFixes, F15_ObserversMayTakeLocks) {
  using W = World<2, 2>;
  struct Observer {
    W* world;
    int* waits;
    void Trace() {
      if (world->Acquire(1) != LockResult::kOk) world->scheduler().Fail("the observer failed");
      world->Inside(1);
      world->Release(1);
    }
    bool Waiting(void (*)(void*), void*) {
      ++*waits;
      Trace();
      return false;
    }
    void Acquired() { Trace(); }
    void Failed(LockResult) { Trace(); }
  };
  static SimStorage<W> storage;
  int waits = 0;
  Explore("F15", {.preemptions = Preemptions(2, 4), .early_wakeups = Preemptions(0, 1)}, [&] {
    const auto body = [&waits](W& w) {
      const LockResult result = w.Count(w.Acquire(0, 2 * kMillisecond, Observer{&w, &waits}));
      if (result != LockResult::kOk) return;
      w.Inside(0);
      w.Release(0);
    };
    return Program<W>(storage.Renew(), {body, body}, [](W& w) {
      return w.deadlocks == 0 && w.acquired + w.timeouts == 2 ? w.Leftovers() : "a false alarm";
    });
  });
  ExpectHappened("an observer of a wait", waits);
}

// A handler that takes and gives back other locks, at each step of taking and giving back two.
TEST(RqspinlockFixes, F16_HandlerInTheMidstOfTheTable) {
  using W = World<1, 4>;
  static SimStorage<W> storage;
  Explore("F16", {}, [&] {
    return Program<W>(storage.Renew(), {[](W& w) {
                        w.TakeAll({0, 1});
                        w.TakeAll({1, 0});
                      }},
                      [](W& w) { return w.NobodyFailed(w.acquired == 4 ? 4 : 6); }, {[](W& w) {
                        w.TakeAll({2, 3});
                      }});
  });
}

}  // namespace
}  // namespace rqlockdep
