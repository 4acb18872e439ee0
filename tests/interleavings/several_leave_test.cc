// Several waiters give up at once, each on its own, while others stay: neighbours in the queue, the
// head and its follower, all of them. Who stays gets the lock.
#include <bit>
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

// Threads 1 to 3 queue in this order; those in `leavers` (a bit each) have the same limit. The
// owner lets go when they have left: in any order, one during the other's leaving.
void SeveralLeave(const char* what, unsigned leavers, int preemptions) {
  using W = World<4, 1>;
  static SimStorage<W> storage;
  const auto waiter = [leavers](W& w) {
    const int me = w.scheduler().thread();
    w.scheduler().Await([&w, me] {
      return me == 1 ? w.acquired != 0 : (me == 2 ? w.IsHead(1) : w.IsBehind(me - 1));
    });
    const bool leaves = (leavers >> me & 1) != 0;
    const LockResult result = w.Count(w.Acquire(0, leaves ? kMillisecond : kSimForever));
    if (result == LockResult::kOk) w.Release(0);
    w.done[me] = true;
  };
  int together = 0;
  // No early wake-ups: a waiter whose time was up before the next one came would leave alone, and
  // the others wait for it to be there.
  Explore(what, {.preemptions = preemptions}, [&] {
    return Program<W>(storage.Renew(),
                      {[leavers](W& w) {
                         w.HoldUntil(0, [&w, leavers] {
                           return w.done[1] >= (leavers >> 1 & 1) &&
                                  w.done[2] >= (leavers >> 2 & 1) &&
                                  w.done[3] >= (leavers >> 3 & 1);
                         });
                       },
                       waiter, waiter, waiter},
                      [&](W& w) -> std::string {
                        const int leaving = std::popcount(leavers);
                        together += w.timeouts == leaving ? 1 : 0;
                        if (w.deadlocks != 0) return "a false alarm";
                        if (w.timeouts != leaving || w.acquired != 4 - leaving)
                          return "not as expected";
                        return w.Leftovers();
                      });
  });
  ExpectHappened("all leavers left", together);
}

TEST(SeveralLeave, TheHeadAndItsFollower) {
  SeveralLeave("head and second", 1 << 1 | 1 << 2, Preemptions(2, 3));
}
TEST(SeveralLeave, TheTwoBehindTheHead) {
  SeveralLeave("second and third", 1 << 2 | 1 << 3, Preemptions(2, 3));
}
TEST(SeveralLeave, TheHeadAndTheLast) {
  SeveralLeave("head and third", 1 << 1 | 1 << 3, Preemptions(2, 3));
}
TEST(SeveralLeave, AllOfThem) {
  SeveralLeave("all three", 1 << 1 | 1 << 2 | 1 << 3, Preemptions(2, 3));
}

// One leaves, and comes back, as the other leaves.
TEST(SeveralLeave, OneComesBack) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  Explore("one comes back", {.preemptions = 2, .early_wakeups = 1}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.TakeAll({0}); },
                       [](W& w) {
                         if (!w.TakeAll({0}, kMillisecond)) w.TakeAll({0});
                       },
                       [](W& w) { w.TakeAll({0}, kMillisecond); }},
                      [](W& w) -> std::string {
                        if (w.deadlocks != 0) return "a false alarm";
                        return w.acquired >= 2 ? w.Leftovers() : "lost one";
                      });
  });
}

}  // namespace
}  // namespace rqlockdep
