// The spinner (the kernel's "pending" waiter): it gets the lock from the owner without anybody
// being woken; when it has spun for long enough it goes to the queue; and when it does not run, the
// lock does not wait for it.
#include "gtest/gtest.h"
#include "src/progress_clock.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

TEST(SpinnerHandover, TheSpinnerTakesTheLockFromTheOwner) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("owner and spinner", {}, [&] {
    W& world = storage.Renew();
    world.KeepSpinning(1, 0);
    return Program<W>(world,
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.HasSpinner(0); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAtOnce(0);
                       }},
                      [](W& w) { return w.NobodyFailed(2); });
  });
}

// Two who want to be the spinner at once: one goes to the queue. Both get the lock.
TEST(SpinnerHandover, OnlyOneSpins) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int both = 0;
  Explore("two candidates", {.preemptions = Preemptions(2, 3)}, [&] {
    const auto candidate = [](W& w) {
      w.scheduler().Await([&w] { return w.acquired != 0; });
      w.TakeAll({0});
    };
    return Program<W>(storage.Renew(),
                      {[&both](W& w) {
                         w.HoldUntil(0, [&w] { return w.HasQueue(0); });
                         both += w.HasSpinner(0) ? 1 : 0;
                       },
                       candidate, candidate},
                      [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("a spinner and a queue", both);
}

// The spinner goes to the queue while the owner gives the lock back, at each moment of both. The
// unlock that counted on the spinner woke nobody: the sleeper must not be forgotten. (If the
// spinner does so exactly between two steps of the unlock, the sleeper has the rest of its nap.)
TEST(SpinnerHandover, TheSpinnerGoesToTheQueueAsTheLockIsGivenBack) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int with_spinner = 0;
  Explore("spinner goes to the queue", {.preemptions = 3}, [&] {
    return Program<W>(
        storage.Renew(),
        {[&](W& w) {
           w.HoldUntil(0, [&w] { return w.IsAsleep(1) && (w.HasSpinner(0) || w.IsBehind(2)); });
           with_spinner += w.HasSpinner(0) ? 1 : 0;
         },
         [](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0; });
           w.TakeAll({0});
           if (w.scheduler().full_naps() > 1) w.scheduler().Fail("slept on");
         },
         [](W& w) {
           w.scheduler().Await([&w] { return w.acquired != 0 && w.IsAsleep(1); });
           w.TakeAll({0});
         }},
        [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("a spinner at the release", with_spinner);
}

// An unlock that counts on the spinner wakes nobody. If the spinner is off its processor, and
// nobody else comes, the lock is idle until a nap of the head ends. That is bounded: by the longest
// nap.
TEST(SpinnerHandover, ASpinnerThatDoesNotRunDelaysTheHeadByOneNapAtMost) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  constexpr int64_t kLongestNap = internal::ProgressClock<SimAtomics>::kLongestNap;
  int64_t released = 0;
  int stalled = 0;
  Explore("stalled spinner", {.preemptions = 3, .early_wakeups = 3}, [&] {
    W& world = storage.Renew();
    // Thread 2 stops for as long as it takes when it is the spinner.
    world.at_pause = [&world](int thread) {
      if (thread != 2 || !world.HasSpinner(0)) return;
      world.scheduler().Await([&world] { return world.IsDone(1); });
    };
    return Program<W>(world,
                      {[&released](W& w) {
                         w.HoldUntil(0, [&w] { return w.IsAsleep(1) && w.HasSpinner(0); });
                         released = w.scheduler().now();
                       },
                       [&](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         if (w.HasSpinner(0)) {
                           ++stalled;
                           if (w.scheduler().now() > released + kLongestNap)
                             w.scheduler().Fail("waited on");
                         }
                         w.Release(0);
                         w.done[1] = true;
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0 && w.IsAsleep(1); });
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("the head got past a spinner that did not run", stalled);
}

}  // namespace
}  // namespace rqlockdep
