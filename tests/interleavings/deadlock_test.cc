// Rings: exactly one member gives way, wherever it stands by then, with and without a successor;
// the others get their locks. (A ring without a victim shows as an execution that does not end.)
#include <string>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

// Also: a victim leaves from wherever it is, because the ring may be found by the other member.
TEST(Deadlock, AbbaHasOneVictim) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  int as_newcomer = 0;
  int as_head_alone = 0;
  Explore("ABBA", {.preemptions = Preemptions(3, kUnlimited)}, [&] {
    const auto body = [&](W& w, int first, int second) {
      if (w.TakeAll({first, second})) return;
      const auto standing = w.standing(w.scheduler().thread());
      as_newcomer += standing == W::Standing::kOutside ? 1 : 0;
      as_head_alone += standing == W::Standing::kHeadAlone ? 1 : 0;
    };
    W& world = storage.Renew();
    world.standing_on = 1;  // of thread 0 only: the other's standing does not say who is last
    return Program<W>(world, {[body](W& w) { body(w, 0, 1); }, [body](W& w) { body(w, 1, 0); }},
                      [](W& w) { return w.AtMostOneVictim(4); });
  });
  ExpectHappened("a newcomer was the victim", as_newcomer);
  ExpectHappened("a head without successor was the victim", as_head_alone);
}

// The victim has a queue behind it: whoever is there gets the lock, unharmed.
TEST(Deadlock, AVictimWithASuccessor) {
  using W = World<3, 2>;
  static SimStorage<W> storage;
  int with_successor = 0;
  Explore("ABBA with a successor", {.preemptions = Preemptions(1, 3)}, [&] {
    W& world = storage.Renew();
    world.standing_on = 1;
    // Thread 1 has drawn its ticket, so thread 0's is newer; but it finds the ring, or not, when it
    // goes on, after thread 0 has become the head and thread 2 has queued behind it.
    return Program<W>(world,
                      {[&](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.acquired >= 2; });
                         if (w.Count(w.Acquire(1)) == LockResult::kOk) {
                           w.Release(1);
                         } else {
                           with_successor +=
                               w.standing(0) == W::Standing::kHeadWithFollower ? 1 : 0;
                         }
                         w.Release(0);
                       },
                       [](W& w) {
                         if (w.Count(w.Acquire(1)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.acquired >= 2; });
                         if (w.Count(w.Acquire(0)) == LockResult::kOk) w.Release(0);
                         w.Release(1);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHead(0) || w.deadlocks != 0; });
                         if (!w.TakeAll({1})) w.scheduler().Fail("a bystander failed");
                       }},
                      [](W& w) { return w.AtMostOneVictim(5); });
  });
  ExpectHappened("a head with a successor was the victim", with_successor);
}

// The victim stands in the middle of the queue.
TEST(Deadlock, AVictimInTheMiddle) {
  using W = World<3, 2>;
  static SimStorage<W> storage;
  int in_the_queue = 0;
  Explore("ABBA behind a head", {.preemptions = Preemptions(1, 3)}, [&] {
    W& world = storage.Renew();
    world.standing_on = 1;
    return Program<W>(world,
                      {[&](W& w) {
                         if (w.Count(w.Acquire(0)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsHead(2); });
                         if (w.Count(w.Acquire(1)) == LockResult::kOk) {
                           w.Release(1);
                         } else {
                           in_the_queue += w.standing(0) == W::Standing::kEnd ? 1 : 0;
                         }
                         w.Release(0);
                       },
                       [](W& w) {
                         if (w.Count(w.Acquire(1)) != LockResult::kOk)
                           w.scheduler().Fail("did not get it");
                         w.scheduler().Await([&w] { return w.IsHead(2) && w.IsHeld(0); });
                         if (w.Count(w.Acquire(0)) == LockResult::kOk) w.Release(0);
                         w.Release(1);
                       },
                       [](W& w) {
                         w.scheduler().Await([&w] { return w.IsHeld(1); });
                         if (!w.TakeAll({1})) w.scheduler().Fail("a bystander failed");
                       }},
                      [](W& w) { return w.AtMostOneVictim(5); });
  });
  ExpectHappened("a waiter behind the head was the victim", in_the_queue);
}

// With 506 slots the two threads' marks are the same, so marks alone prove nothing.
TEST(Deadlock, AbbaOfThreadsWithTheSameMark) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  Explore("ABBA, same mark", {.preemptions = Preemptions(3, 4)}, [&] {
    return Program<W>(storage.Renew(uint32_t{internal::kSlotMarks}),
                      {[](W& w) {
                         w.TakeAll({0, 1});
                       },
                       [](W& w) {
                         w.TakeAll({1, 0});
                       }},
                      [](W& w) { return w.AtMostOneVictim(4); });
  });
}

TEST(Deadlock, AConsistentOrderNeverFails) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  const auto body = [](W& w) { w.TakeAll({0, 1}); };
  Explore("AB AB", {}, [&] {
    return Program<W>(storage.Renew(), {body, body}, [](W& w) { return w.NobodyFailed(4); });
  });
}

TEST(Deadlock, ARingOfThreeHasOneVictim) {
  using W = World<3, 3>;
  static SimStorage<W> storage;
  Explore("ring of three", {.preemptions = Preemptions(1, 3)}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.TakeAll({0, 1});
                       },
                       [](W& w) {
                         w.TakeAll({1, 2});
                       },
                       [](W& w) {
                         w.TakeAll({2, 0});
                       }},
                      [](W& w) { return w.AtMostOneVictim(6); });
  });
}

// Everybody holds the first lock before anybody asks for the second: the ring closes in every
// execution, and is of three or of four.
template <int kLength>
void ClosedRing(const char* what, int preemptions) {
  using W = World<kLength, kLength>;
  static SimStorage<W> storage;
  const auto body = [](W& w) {
    const int mine = w.scheduler().thread();
    const int next = (mine + 1) % kLength;
    if (w.Count(w.Acquire(mine)) != LockResult::kOk) w.scheduler().Fail("did not get it");
    w.scheduler().Await([&w] { return w.acquired >= kLength; });
    if (w.Count(w.Acquire(next)) == LockResult::kOk) w.Release(next);
    w.Release(mine);
  };
  Explore(what, {.preemptions = preemptions}, [&] {
    return Program<W>(storage.Renew(), std::vector<std::function<void(W&)>>(kLength, body),
                      [](W& w) {
                        if (w.deadlocks != 1) return std::string("not exactly one victim");
                        return w.AtMostOneVictim(2 * kLength);
                      });
  });
}

TEST(Deadlock, AClosedRingOfTwo) { ClosedRing<2>("closed ring of two", Preemptions(3, 5)); }
TEST(Deadlock, AClosedRingOfThree) { ClosedRing<3>("closed ring of three", Preemptions(1, 3)); }
TEST(Deadlock, AClosedRingOfFour) { ClosedRing<4>("closed ring of four", Preemptions(0, 2)); }

// A ring of two and a third thread that only waits for one of its locks: not a victim.
TEST(Deadlock, ABystanderIsNoVictim) {
  using W = World<3, 3>;
  static SimStorage<W> storage;
  Explore("bystander", {.preemptions = Preemptions(1, 3)}, [&] {
    return Program<W>(storage.Renew(),
                      {[](W& w) {
                         w.TakeAll({0, 1});
                       },
                       [](W& w) {
                         w.TakeAll({1, 0});
                       },
                       [](W& w) {
                         if (!w.TakeAll({2, 0})) w.scheduler().Fail("a bystander failed");
                       }},
                      [](W& w) { return w.AtMostOneVictim(6); });
  });
}

// The owner's thread is no more: all waiters fail, in the queue or not, though they have no limit.
TEST(Deadlock, TheOwnerHasEnded) {
  using W = World<3, 1>;
  static SimStorage<W> storage;
  const auto waiter = [](W& w) {
    w.scheduler().Await([&w] { return w.acquired != 0; });
    if (w.Count(w.Acquire(0)) != LockResult::kDeadlock) w.scheduler().Fail("got a dead lock");
  };
  Explore("dead owner", {.preemptions = Preemptions(1, 3)}, [&] {
    return Program<W>(
        storage.Renew(),
        {[](W& w) {
           w.Note(w.Acquire(0));
           w.scheduler().Step(/*willing=*/false);
           w.ended[0] = true;
         },
         waiter, waiter},
        [](W& w) -> std::string {
          if (w.deadlocks != 2) return "not everybody failed";
          return w.words[0].pending.Peek() == 0 && !w.HasQueue(0) ? "" : "waiters left behind";
        });
  });
}

}  // namespace
}  // namespace rqlockdep
