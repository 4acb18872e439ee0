// The role of the head goes from waiter to waiter, whoever takes the lock meanwhile. (The queue by
// itself: waiter_queue_test.cc.)
#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

TEST(QueueHandover, TheSecondBecomesTheHead) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  int handed_over = 0;
  Explore("head and second", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsHead(1) && w.IsBehind(2); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                         w.done[1] = true;
                       },
                       [&](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1); });
                         w.at_pause = [&](int thread) {
                           handed_over += thread == 2 && w.IsHead(2) ? 1 : 0;
                         };
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(3); });
  });
  ExpectHappened("the second was the head", handed_over);
}

TEST(QueueHandover, ThreeInTheQueue) {
  using W = World<4, 1>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    const int before = w.scheduler().thread() - 1;
    w.scheduler().Await([&w, before] {
      return before == 0 ? w.acquired != 0 : (before == 1 ? w.IsHead(1) : w.IsBehind(before));
    });
    w.TakeAll({0});
  };
  Explore("three in the queue", {.preemptions = Preemptions(2, 2)}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.HoldUntil(
                             0, [&w] { return w.IsHead(1) && w.IsAsleep(2) && w.IsAsleep(3); });
                       },
                       waiter, waiter, waiter},
                      [](W& w) { return w.NobodyFailed(4); });
  });
}

// The queue falls empty and is begun anew while its last waiter leaves.
TEST(QueueHandover, TheLastLeavesAsANewQueueBegins) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  Explore("end and beginning", {.preemptions = 3}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) { w.HoldUntil(0, [&w] { return w.IsHead(1); }); },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.acquired != 0; });
                         w.TakeAll({0});
                         w.done[1] = true;
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(1) || w.done[1]; });
                         w.TakeAll({0});
                         w.TakeAll({0});
                       }},
                      [](W& w) { return w.NobodyFailed(4); });
  });
}

}  // namespace
}  // namespace rqlockdep
