// One lock, several threads: one owner at a time, everybody gets it, nothing is left behind.
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

TEST(OneLock, TwoThreads) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) { w.TakeAll({0}); };
  Explore("two threads", {.early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(), {body, body}, [](W& w) { return w.NobodyFailed(2); });
  });
}

TEST(OneLock, TwoThreadsTwice) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) {
    w.TakeAll({0});
    w.TakeAll({0});
  };
  Explore("two threads, twice", {.preemptions = Preemptions(3, 5), .early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(), {body, body}, [](W& w) { return w.NobodyFailed(4); });
  });
}

TEST(OneLock, TwoThreadsWithTheRegularLock) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) {
    w.LockRegular(0);
    w.Inside(0);
    w.UnlockRegular(0);
  };
  Explore("regular lock", {.early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(), {body, body}, [](W& w) { return w.Leftovers(); });
  });
}

TEST(OneLock, ThreeThreads) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) { w.TakeAll({0}); };
  Explore("three threads", {.preemptions = Preemptions(1, 2), .early_wakeups = Preemptions(0, 1)},
          [&] {
            return Program<W>(storage.Renew(), {body, body, body},
                              [](W& w) { return w.NobodyFailed(3); });
          });
}

TEST(OneLock, FourThreads) {
  using W = World<4, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) { w.TakeAll({0}); };
  Explore("four threads", {.preemptions = 1}, [&] {
    return Program<W>(storage.Renew(), {body, body, body, body},
                      [](W& w) { return w.NobodyFailed(4); });
  });
}

// Threads that share a mark, threads without a slot: who owns the lock is less clear, not whether.
TEST(OneLock, ThreadsWithTheSameMark) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto body = [](W& w) { w.TakeAll({0}); };
  Explore("same mark", {.preemptions = Preemptions(2, 3)}, [&] {
    return Program<W>(storage.Renew(uint32_t{internal::kSlotMarks}), {body, body, body},
                      [](W& w) { return w.NobodyFailed(3); });
  });
}

TEST(OneLock, ThreadsWithoutASlot) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto without = [](W& w) {
    w.Note(w.AcquireWithoutSlot(0));
    w.Inside(0);
    w.ReleaseWithoutSlot(0);
  };
  const auto with = [](W& w) { w.TakeAll({0}); };
  Explore("without slots", {.preemptions = Preemptions(2, 3)}, [&] {
    return Program<W>(storage.Renew(), {without, without, with},
                      [](W& w) { return w.NobodyFailed(3); });
  });
}

// An unlock by who does not hold the lock does nothing, at any moment.
TEST(OneLock, UnlockByWhoDoesNotHoldIt) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("foreign unlock", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.TakeAll({0}); },
                       [](W& w) {
                         w.Release(0);
                         if (w.TryAcquire(0)) {
                           w.Inside(0);
                           w.Release(0);
                         }
                         w.Release(0);
                       }},
                      [](W& w) { return w.Leftovers(); });
  });
}

// AA is found before any wait, and unwinding leaves nothing behind.
TEST(OneLock, AaAgainstAnotherWaiter) {
  using W = World<2, 1>;
  static SimStorage<W> storage;
  Explore("AA", {}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         if (w.Acquire(0) != LockResult::kOk) w.scheduler().Fail("did not get it");
                         const int64_t begin = w.scheduler().now();
                         if (w.Acquire(0) != LockResult::kDeadlock) {
                           w.scheduler().Fail("AA not found");
                         }
                         if (w.scheduler().now() != begin) w.scheduler().Fail("AA waited");
                         w.Release(0);
                         w.Release(0);  // of a lock not held: nothing
                       },
                       [](W& w) { w.TakeAll({0}); }},
                      [](W& w) { return w.NobodyFailed(1); });
  });
}

}  // namespace
}  // namespace rqlockdep
