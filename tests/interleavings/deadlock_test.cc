// Rings: exactly one member gives way, wherever it stands by then, with and without a successor;
// the others get their locks. (A ring without a victim shows as an execution that does not end.)
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

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

// Holds `first`, and when `ready` says so asks for `second`, which may fail: then `at_failure`.
template <class W, class Ready, class AtFailure>
void TakeOneThenTheOther(W& w, int first, Ready ready, int second, AtFailure at_failure) {
  if (w.Count(w.Acquire(first)) != LockResult::kOk) w.scheduler().Fail("did not get it");
  w.scheduler().Await(ready);
  if (w.Count(w.Acquire(second)) == LockResult::kOk) {
    w.Release(second);
  } else {
    at_failure();
  }
  w.Release(first);
}

// Threads 0 and 1 hold one lock each and then ask for the other's; thread 2 only for the one that
// thread 0 asks for, when `bystander` says so. How often thread 0 was the victim at `standing`.
using ThreeThreads = World<3, 2>;
using Condition = bool (*)(ThreeThreads&);
int AbbaAndABystander(const char* what, Condition first, Condition second, Condition bystander,
                      ThreeThreads::Standing standing) {
  using W = ThreeThreads;
  static SimStorage<W> storage;
  int there = 0;
  Explore(what, {.preemptions = Preemptions(1, 2)}, [&] {
    W& world = storage.Renew();
    world.standing_on = 1;
    return Program<W>(world,
                      {[&there, first, standing](W& w) {
                         TakeOneThenTheOther(
                             w, 0, [&w, first] { return first(w); }, 1,
                             [&] { there += w.standing(0) == standing ? 1 : 0; });
                       },
                       [second](W& w) {
                         TakeOneThenTheOther(
                             w, 1, [&w, second] { return second(w); }, 0, [] {});
                       },
                       [bystander](W& w) {
                         w.scheduler().Await([&w, bystander] { return bystander(w); });
                         if (!w.TakeAll({1})) w.scheduler().Fail("a bystander failed");
                       }},
                      [](W& w) { return w.AtMostOneVictim(5); });
  });
  return there;
}

// The victim has a queue behind it: whoever is there gets the lock, unharmed. Thread 1 has drawn
// its ticket, so thread 0's is newer; but it finds the ring, or not, when it goes on, after thread
// 0 has become the head and thread 2 has queued behind it.
TEST(Deadlock, AVictimWithASuccessor) {
  const Condition both_held = [](ThreeThreads& w) { return w.acquired >= 2; };
  ExpectHappened("a head with a successor was the victim",
                 AbbaAndABystander(
                     "ABBA with a successor", both_held, both_held,
                     [](ThreeThreads& w) { return w.IsHead(0) || w.deadlocks != 0; },
                     ThreeThreads::Standing::kHeadWithFollower));
}

// The victim stands in the middle of the queue.
TEST(Deadlock, AVictimInTheMiddle) {
  ExpectHappened("a waiter behind the head was the victim",
                 AbbaAndABystander(
                     "ABBA behind a head", [](ThreeThreads& w) { return w.IsHead(2); },
                     [](ThreeThreads& w) { return w.IsHead(2) && w.IsHeld(0); },
                     [](ThreeThreads& w) { return w.IsHeld(1); }, ThreeThreads::Standing::kEnd));
}

// With 506 slots the two threads' marks are the same, so marks alone prove nothing.
TEST(Deadlock, AbbaOfThreadsWithTheSameMark) {
  using W = World<2, 2>;
  static SimStorage<W> storage;
  Explore("ABBA, same mark", {.preemptions = Preemptions(3, kUnlimited)}, [&] {
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
  Explore("ring of three", {.preemptions = 1}, [&] {
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
// execution. The first `asleep` members sleep by the time that the others ask, all at once.
template <int kLength>
void ClosedRing(const char* what, int asleep, int preemptions) {
  using W = World<kLength, kLength>;
  static SimStorage<W> storage;
  const auto body = [asleep](W& w) {
    const int mine = w.scheduler().thread();
    const int next = (mine + 1) % kLength;
    // One after the other: this is not what is looked at here.
    w.scheduler().Await([&w, mine] { return w.acquired == mine; });
    if (w.Count(w.Acquire(mine)) != LockResult::kOk) w.scheduler().Fail("did not get it");
    const int before = std::min(mine, asleep) - 1;
    w.scheduler().Await(
        [&w, before] { return w.acquired >= kLength && (before < 0 || w.IsAsleep(before)); });
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

TEST(Deadlock, AClosedRingOfTwo) {
  ClosedRing<2>("closed ring of two", 0, Preemptions(3, kUnlimited));
}
TEST(Deadlock, AClosedRingOfThree) { ClosedRing<3>("closed ring of three", 0, 1); }
TEST(Deadlock, AClosedRingOfFour) { ClosedRing<4>("closed ring of four", 2, Preemptions(0, 1)); }

// A ring of two and a third thread that only waits for one of its locks: not a victim.
TEST(Deadlock, ABystanderIsNoVictim) {
  using W = World<3, 3>;
  static SimStorage<W> storage;
  Explore("bystander", {.preemptions = 1}, [&] {
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
