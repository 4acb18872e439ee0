// A deadline in each place: as a newcomer, as the spinner, as the head with and without followers,
// in the middle, at the end, outside the queue. Who leaves does so neither early nor late, leaves
// nothing behind, and nobody else fails. After a stuck owner lets go the lock works at once.
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

constexpr int64_t kLimit = 2 * kMillisecond;

// Takes the lock, or times out, which is the result. Fails the execution if it comes back early, or
// with an error other than the limit.
template <class W>
bool TimesOut(W& w, int lock, int64_t limit) {
  const int64_t begin = w.scheduler().now();
  const LockResult result = w.Count(w.Acquire(lock, limit));
  if (result == LockResult::kOk) {
    w.Inside(lock);
    w.Release(lock);
  } else if (result == LockResult::kDeadlock) {
    w.scheduler().Fail("a false alarm");
  } else if (w.scheduler().now() - begin < limit) {
    w.scheduler().Fail("timed out before its limit");
  }
  return result == LockResult::kTimedOut;
}

// The limit against an owner that gives the lock back at any moment.
TEST(Deadline, AgainstTheRelease) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int timeouts = 0;
  Explore("deadline against release", {.early_wakeups = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.TakeAll({0}); }, [](W& w) { TimesOut(w, 0, kLimit); }},
                      [&](W& w) {
                        timeouts += w.timeouts;
                        return w.acquired + w.timeouts == 2 ? w.Leftovers() : "lost one";
                      });
  });
  ExpectHappened("a timeout", timeouts);
}

// A limit that is over by the time that a waiter wakes, with the lock free: it takes the lock. (So
// a thread that did not run for long does not fail because of that.)
TEST(Deadline, AFreeLockIsTakenThoughTheLimitIsOver) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  int slept = 0;
  Explore("free after the limit", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[&slept](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsAsleep(1); });
                         w.scheduler().PassTime(2 * kLimit);
                         ++slept;
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0}, kLimit);
                       }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
  ExpectHappened("a sleeper woke after its limit", slept);
}

// A limit of nothing, and one that is over before the waiter has any place.
TEST(Deadline, AsANewcomer) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  for (const int64_t limit : {int64_t{0}, int64_t{-5}}) {
    Explore("no time at all", {}, [&] {
      return Program<W>(
          storage.Renew(), {[](W& w) { w.TakeAll({0}); }, [limit](W& w) { TimesOut(w, 0, limit); }},
          [](W& w) { return w.acquired + w.timeouts == 2 ? w.Leftovers() : "lost one"; });
    });
  }
}

// As the spinner, whose limit is over at the moment when the others' sleep ends.
TEST(Deadline, AsTheSpinner) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int as_spinner = 0;
  Explore("deadline of the spinner", {.preemptions = 3}, [&] {
    W& world = storage.Renew();
    // Time passes while thread 2 is the spinner.
    world.at_clock = [&world](int thread) {
      if (thread == 2 && world.HasSpinner(0)) world.scheduler().PassTime(kMillisecond);
    };
    return Program<W>(world,
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsDone(2); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                       },
                       [&](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0 && w.IsAsleep(1); });
                         if (TimesOut(w, 0, kMillisecond / 2)) {
                           as_spinner += w.standing(2) == W::Standing::kOutside ? 1 : 0;
                         }
                         w.done[2] = true;
                       }},
                      [](W& w) {
                        return w.acquired == 2 && w.timeouts == 1 ? w.Leftovers()
                                                                  : "not as expected";
                      });
  });
  ExpectHappened("a spinner timed out", as_spinner);
}

// Threads 1 to 3 stand in the queue in this order. The one in `place` has a limit; the owner keeps
// the lock until it has left. The others get the lock without any time passing after that.
template <int kWaiters>
int LeavesFrom(int place, typename World<kWaiters + 1, 1>::Standing standing, int preemptions) {
  using W = World<kWaiters + 1, 1>;
  static SimStorage<W> storage;
  int there = 0;
  const auto waiter = [&, place](W& w) {
    const int me = w.scheduler().thread();
    w.scheduler().Await([&w, me] {
      return me == 1 ? w.acquired != 0 : (me == 2 ? w.IsHead(1) : w.IsBehind(me - 1));
    });
    if (me != place) {
      w.TakeAll({0});
      return;
    }
    if (TimesOut(w, 0, kLimit)) there += w.standing(me) == standing;
    w.done[me] = true;
  };
  Explore("deadline in the queue", {.preemptions = preemptions}, [&] {
    std::vector<std::function<void(W&)>> threads(kWaiters + 1, waiter);
    threads[0] = [place](W& w) {
      w.HoldUntil(0, [&w, place] { return w.IsDone(place); });
      w.done[0] = true;
    };
    return Program<W>(storage.Renew(), threads, [](W& w) -> std::string {
      if (w.acquired != kWaiters || w.timeouts != 1) return "not as expected";
      // The end of the one limit, and of the naps until then; nothing after it.
      if (w.scheduler().now() > 1'000'000'000 + 4 * kMillisecond) return "slept on";
      return w.Leftovers();
    });
  });
  return there;
}

TEST(Deadline, AsTheHeadAlone) {
  using W = World<2, 1>;
  ExpectHappened("left as the head alone", LeavesFrom<1>(1, W::Standing::kHeadAlone, kUnlimited));
}

TEST(Deadline, AsTheHeadWithAFollower) {
  using W = World<3, 1>;
  ExpectHappened("left as the head with a follower",
                 LeavesFrom<2>(1, W::Standing::kHeadWithFollower, 3));
}

TEST(Deadline, AtTheEndOfTheQueue) {
  using W = World<3, 1>;
  ExpectHappened("left from the end", LeavesFrom<2>(2, W::Standing::kEnd, 3));
}

TEST(Deadline, InTheMiddleOfTheQueue) {
  using W = World<4, 1>;
  ExpectHappened("left from the middle", LeavesFrom<3>(2, W::Standing::kMiddle, Preemptions(2, 3)));
}

TEST(Deadline, AtTheEndOfALongerQueue) {
  using W = World<4, 1>;
  ExpectHappened("left from the end", LeavesFrom<3>(3, W::Standing::kEnd, Preemptions(2, 3)));
}

// Who cannot queue.
TEST(Deadline, OutsideTheQueue) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  Explore("deadline outside the queue", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsDone(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Count(w.AcquireWithoutSlot(0, kLimit)) != LockResult::kTimedOut) {
                           w.scheduler().Fail("got a lock that is held");
                         }
                         w.done[1] = true;
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                       }},
                      [](W& w) {
                        return w.acquired == 2 && w.timeouts == 1 ? w.Leftovers()
                                                                  : "not as expected";
                      });
  });
}

}  // namespace
}  // namespace rqlockdep
