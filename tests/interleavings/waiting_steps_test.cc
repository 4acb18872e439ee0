// What a waiter does, step by step, while it waits: how often it looks, rests, yields, and for how
// long it sleeps. One thread waits; the test plays the others.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "src/progress_clock.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr uint8_t kOneHolder = 100;
constexpr uint8_t kAnotherHolder = 101;

// A patience of the test's own, until the end of its scope.
class TestPatience {
 public:
  TestPatience() = default;
  ~TestPatience() { SimPatience::BeHasty(false); }
  TestPatience(const TestPatience&) = delete;
  TestPatience& operator=(const TestPatience&) = delete;
};

// The rests of a lonely waiter, a letter each: 'n'ewcomer, 's'pinner, 'h'ead; 'y'ield; 'Z' sleep.
// `other` is called at each, and plays the other threads; the lock is freed at the first sleep.
std::string RestsOfALonelyWaiter(
    const std::function<void(World<1, 1>& world, const std::string& rests)>& other) {
  using W = World<1, 1>;
  static SimStorage<W> storage;
  std::string rests;
  const auto make = [&] {
    rests.clear();
    W& world = storage.Renew();
    const auto note = [&](char what) {
      rests += what;
      other(world, rests);
    };
    world.at_pause = [&world, note](int) {
      note(world.HasSpinner(0) ? 's' : (world.IsHead(0) ? 'h' : 'n'));
    };
    world.at_yield = [note](int) { note('y'); };
    world.at_nap = [&world, note](int, int64_t) {
      note('Z');
      world.words[0].locked.store(0, kRelaxed);
    };
    return Program<W>(world, {[](W& w) {
                        w.words[0].locked.store(kOneHolder, kRelaxed);
                        w.Note(w.Acquire(0));
                        w.Release(0);
                      }},
                      [](W& w) { return w.NobodyFailed(1); });
  };
  const auto result = ControlledScheduler::Explore(make, {});
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.complete);
  return rests;
}

void NobodyElse(World<1, 1>&, const std::string&) {}

void AnotherHolderEachTime(World<1, 1>& world, const std::string& rests) {
  world.words[0].locked.store(rests.size() % 2 == 0 ? kOneHolder : kAnotherHolder, kRelaxed);
}

TEST(WaitingSteps, EachThingOnce) { EXPECT_EQ(RestsOfALonelyWaiter(&NobodyElse), "nsyhhZ"); }

TEST(WaitingSteps, ANewcomersLooksAreBoundedThoughTheHolderChanges) {
  const TestPatience patience;
  SimPatience::kNewcomerLooks = 3;
  SimPatience::kSpinRounds = 5;
  SimPatience::kLongestSpin = 20;
  const std::string rests = RestsOfALonelyWaiter(&AnotherHolderEachTime);
  EXPECT_EQ(rests.find_first_not_of('n'), 3u) << rests;
}

TEST(WaitingSteps, SpinningGoesOnWhileTheHolderChangesUpToALimit) {
  const TestPatience patience;
  SimPatience::kSpinRounds = 2;
  SimPatience::kLongestSpin = 6;
  const auto spins = [](const std::string& rests) {
    return std::count(rests.begin(), rests.end(), 's');
  };
  EXPECT_EQ(spins(RestsOfALonelyWaiter(&NobodyElse)), 2);
  const auto with_progress = spins(RestsOfALonelyWaiter(&AnotherHolderEachTime));
  EXPECT_GT(with_progress, 2);
  EXPECT_LE(with_progress, 2 + 6);
}

// Two yields that let somebody else run are enough.
TEST(WaitingSteps, YieldsThatLetOthersRunAreCounted) {
  const TestPatience patience;
  SimPatience::kYields = 2;
  SimPatience::kIdleSpin = 1'000;
  const std::string rests = RestsOfALonelyWaiter([](World<1, 1>& world, const std::string& done) {
    if (done.back() == 'y') world.scheduler().PassTime(SimPatience::kQuickYield);
  });
  EXPECT_EQ(std::count(rests.begin(), rests.end(), 'y'), 2) << rests;
}

// If nobody else runs, the waiter goes on for kIdleSpin since the first yield, with rounds in
// between, and does not sleep earlier.
TEST(WaitingSteps, IdleYieldsGoOnForATime) {
  const TestPatience patience;
  SimPatience::kYields = 2;
  SimPatience::kIdleSpin = 50;
  int64_t first_yield = 0;
  int64_t slept = 0;
  const std::string rests = RestsOfALonelyWaiter([&](World<1, 1>& world, const std::string& done) {
    const int64_t now = world.scheduler().now();
    if (done.back() == 'y' && done.find('y') == done.size() - 1) first_yield = now;
    if (done.back() == 'Z') slept = now;
    if (done.back() == 'h') world.scheduler().PassTime(10);
  });
  EXPECT_EQ(rests, "nsyhyhyhyhyhyhhZ");
  EXPECT_GE(slept - first_yield, 50);
}

// The yields of a waiter in the middle of the queue, and how long after the first of them it
// sleeps.
struct QueuedWait {
  int yields = 0;
  int64_t until_sleep = 0;
};
std::vector<QueuedWait> WaitsInTheQueue(int64_t time_of_a_yield) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  std::vector<QueuedWait> waits;
  QueuedWait wait;
  int64_t first_yield = 0;
  const auto make = [&] {
    W& world = storage.Renew();
    wait = {};
    const auto is_queued = [&world](int thread) { return thread == 2 && world.IsBehind(2); };
    // While it is queued and awake, time passes in its rests only, not when it yields to others.
    world.at_pause = [&world, is_queued](int thread) {
      if (thread == 2 || !is_queued(2) || world.IsAsleepInQueue(2)) world.scheduler().PassTime(10);
    };
    world.at_yield = [&, is_queued, time_of_a_yield](int thread) {
      if (!is_queued(thread)) return;
      if (wait.yields++ == 0) first_yield = world.scheduler().now();
      world.scheduler().PassTime(time_of_a_yield);
    };
    return Program<W>(world,
                      {[&](W& w) {
                         w.HoldUntil(0, [&w] { return w.IsAsleepInQueue(2); });
                         wait.until_sleep = w.scheduler().now() - first_yield;
                         waits.push_back(wait);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1); });
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(3); });
  };
  // One execution will do: what the waiter does depends on the others in the time of its yields
  // only.
  const auto result = ControlledScheduler::Explore(make, {.preemptions = 0, .executions = 1});
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(waits.size(), 1u);
  return waits;
}

// Nobody sleeps where that only leaves a processor idle, neither next in the queue nor behind.
TEST(WaitingSteps, AQueuedWaiterGoesOnWhileItsProcessorWouldBeIdle) {
  const TestPatience patience;
  SimPatience::kYields = 2;
  SimPatience::kIdleSpin = 50;
  for (const QueuedWait& idle : WaitsInTheQueue(0)) {
    EXPECT_GE(idle.yields, 2);
    EXPECT_GE(idle.until_sleep, 50);
  }
  for (const QueuedWait& busy : WaitsInTheQueue(SimPatience::kQuickYield)) {
    EXPECT_EQ(busy.yields, 1) << "somebody else ran";
  }
}

// A waiter in the middle of the queue slept for longer and longer. When it becomes the head it
// begins anew: it spins and yields before it sleeps, and its naps are short.
TEST(WaitingSteps, APromotedHeadYieldsBeforeItSleeps) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int slept_as_head = 0;
  int long_naps = 0;
  Explore("promoted head", {.preemptions = 3}, [&] {
    W& world = storage.Renew();
    struct {
      bool spun = false;
      bool yielded = false;
    } static head;
    head = {};
    world.at_pause = [&world](int thread) { head.spun |= thread == 2 && world.IsHead(2); };
    world.at_yield = [&world](int thread) { head.yielded |= thread == 2 && world.IsHead(2); };
    world.at_nap = [&](int thread, int64_t nanoseconds) {
      if (thread != 2) return;
      if (!world.IsHead(2)) {
        long_naps += nanoseconds > kMillisecond ? 1 : 0;
        return;
      }
      ++slept_as_head;
      if (!head.spun) world.scheduler().Fail("slept before it spun");
      if (!head.yielded) world.scheduler().Fail("slept before it yielded");
      if (world.scheduler().full_naps() == 2 && nanoseconds > kMillisecond) {
        world.scheduler().Fail("a long first nap");
      }
    };
    return Program<W>(world,
                      {[](W& w) {
                         // Until the second has slept twice; the naps of the head end, too.
                         w.HoldUntil(0, [&w] { return w.IsHead(1) && w.IsDone(0); });
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsHead(2) && w.IsAsleep(2); });
                         w.Release(0);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1); });
                         w.at_clock = [&w](int thread) {
                           if (thread == 2 && w.scheduler().full_naps() == 2) w.done[0] = true;
                         };
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("the promoted head slept", slept_as_head);
  ExpectHappened("the second had slept for long", long_naps);
}

// `pending` counts 15 sleepers on the word. 14 are made up here; the first of two real ones is the
// last that is counted. The other one sleeps uncounted: an unlock wakes it like any other, and its
// own unlock wakes the counted one, though its wake-up was not meant for it.
TEST(WaitingSteps, ASleeperBeyondThoseThatAreCountedIsWokenAndWakesTheNext) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  static constexpr uint8_t kMadeUp = W::Pending::kSleepers - 1;
  int uncounted = 0;
  Explore("uncounted sleeper", {.preemptions = 3}, [&] {
    const auto take = [](W& w) {
      w.Note(w.AcquireWithoutSlot(0));
      if (w.scheduler().full_naps() != 0) w.scheduler().Fail("slept on though the lock was free");
      w.ReleaseWithoutSlot(0);
    };
    return Program<W>(storage.Renew(),
                      {[&uncounted](W& w) {
                         w.words[0].pending.store(kMadeUp, kRelaxed);
                         w.HoldUntil(0, [&w] { return w.IsAsleep(1) && w.IsAsleep(2); });
                         ++uncounted;
                       },
                       [take](W& w) {
                         w.scheduler().Await([&w] { return w.IsAsleep(2); });
                         take(w);
                       },
                       [take](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         take(w);
                       }},
                      [](W& w) -> std::string {
                        const uint8_t left = w.words[0].pending.Peek() & W::Pending::kSleepers;
                        if (left != kMadeUp) return "a count went wrong";
                        return w.acquired == 3 ? "" : "lost one";
                      });
  });
  ExpectHappened("both slept", uncounted);
}

// A lock that is left to first waiters is not for a newcomer, until it is the spinner.
TEST(WaitingSteps, ANewcomerLeavesAReservedLockAlone) {
  const TestPatience patience;
  SimPatience::kNewcomerLooks = 3;
  using W = World<1, 1>;
  static SimStorage<W> storage;
  std::string rests;
  const auto make = [&] {
    rests.clear();
    W& world = storage.Renew();
    world.at_pause = [&](int) { rests += world.HasSpinner(0) ? 's' : 'n'; };
    return Program<W>(world, {[](W& w) {
                        w.words[0].locked.store(internal::kReservedMark, kRelaxed);
                        w.words[0].pending.store(1, kRelaxed);  // somebody sleeps
                        w.Note(w.Acquire(0));
                      }},
                      [](W& w) { return w.acquired == 1 ? "" : "did not get it"; });
  };
  const auto result = ControlledScheduler::Explore(make, {});
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(rests, "nnn");
}

// The naps, in milliseconds, of one who waits for `limit`, for a lock that is free when
// `freed_after` naps have begun.
std::vector<int64_t> NapsOfALonelyWaiter(int64_t limit, size_t freed_after) {
  using W = World<1, 1>;
  static SimStorage<W> storage;
  std::vector<int64_t> naps;
  const auto make = [&] {
    naps.clear();
    W& world = storage.Renew();
    world.at_nap = [&naps, &world, freed_after](int, int64_t nanoseconds) {
      naps.push_back(nanoseconds / kMillisecond);
      if (naps.size() == freed_after) world.words[0].locked.store(0, kRelaxed);
    };
    return Program<W>(
        world, {[limit](W& w) {
          w.words[0].locked.store(kOneHolder, kRelaxed);
          w.Note(w.Acquire(0, limit));
          w.words[0].locked.store(0, kRelaxed);
        }},
        [](W& w) { return w.acquired + w.timeouts == 1 ? "" : "neither got it nor gave up"; });
  };
  const auto result = ControlledScheduler::Explore(make, {});
  EXPECT_EQ(result.failure, "");
  return naps;
}

// Naps get longer, up to a limit.
TEST(WaitingSteps, NapsDoubleUpToALimit) {
  const TestPatience patience;
  EXPECT_EQ(NapsOfALonelyWaiter(100 * kMillisecond, 6), (std::vector<int64_t>{1, 2, 4, 8, 8, 8}));
}
// None goes on after the limit of the wait.
TEST(WaitingSteps, TheLastNapEndsAtTheLimitOfTheWait) {
  const TestPatience patience;
  EXPECT_EQ(NapsOfALonelyWaiter(10 * kMillisecond, 0), (std::vector<int64_t>{1, 2, 4, 3}));
}

}  // namespace
}  // namespace rqlockdep
