// The queue of waiters by itself, under a controlled scheduler: two threads in every interleaving,
// three and four with three preemptions. Properties in every execution: the role of the head is
// with one thread at a time; it comes to everybody who stays, without time having to pass; and at
// the end the queue is empty and all nodes can be used again.
#include "src/waiter_queue.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "src/progress_clock.h"
#include "tests/interleavings/explore.h"
#include "tests/support/controlled_scheduler.h"

namespace rqlockdep {
namespace {

struct SimAtomics {
  template <class T>
  using Atomic = SimAtomic<T>;
};
using Word = internal::BasicLockWord<SimAtomics>;
using Slot = internal::BasicThreadSlot<SimAtomics>;

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

template <int kThreads>
struct World {
  struct Policy {
    using Atomics = SimAtomics;
    World& world;
    Slot* slot_at(uint32_t id) { return &world.slots[id]; }
    bool Sleep(SimAtomic<uint32_t>& word, uint32_t value, int64_t nanoseconds) {
      ControlledScheduler& scheduler = ControlledScheduler::Current();
      scheduler.Step(/*willing=*/false);
      const bool unchanged = word.Peek() == value;
      scheduler.Saw(unchanged ? 1 : 0);
      return unchanged && scheduler.Sleep(&word, nanoseconds);
    }
    void Wake(const void* address, int count) {
      ControlledScheduler::Current().Step(/*willing=*/false);
      ControlledScheduler::Current().Wake(address, count);
    }
  };
  using Queue = internal::WaiterQueue<Policy>;
  using Joined = typename Queue::Joined;

  World() {
    for (int i = 0; i < kThreads; ++i) slots[i].id = static_cast<uint16_t>(i);
  }

  Slot& mine() { return slots[ControlledScheduler::Current().thread()]; }

  // Joins, is the head for a step, and leaves. Gives up after `limit`; true if it was the head.
  bool BeHead(Word& word, int64_t limit = kForever) {
    ControlledScheduler& scheduler = ControlledScheduler::Current();
    const Joined joined = queue.Join(word, mine());
    if (joined == Joined::kBusy) {
      ++busy;
      return false;
    }
    if (joined != Joined::kHead) {
      const int64_t begin = scheduler.now();
      while (!Queue::IsHead(mine())) {
        queue.Sleep(mine(), limit);
        if (limit != kForever && scheduler.now() - begin >= limit) {
          if (Queue::Abandon(mine())) {
            ++abandoned;
            return false;
          }
          break;  // the role came
        }
      }
    }
    int& heads = heads_of[&word - words];
    if (heads++ != 0) scheduler.Fail("two heads");
    scheduler.Step(/*willing=*/false);
    --heads;
    ++been_head;
    queue.PassHead(word, mine());
    return true;
  }

  std::string Leftovers() const {
    for (const Word& word : words) {
      if (word.tail.Peek() != 0) return "a tail is left";
    }
    for (const Slot& slot : slots) {
      if (slot.node.state.Peek() != Queue::kIdle) return "a node is left in use";
    }
    return "";
  }

  Word words[2];
  Slot slots[kThreads];
  Policy policy{*this};
  Queue queue{policy};
  int heads_of[2] = {};
  int been_head = 0;
  int abandoned = 0;
  int busy = 0;
};

template <int kThreads>
using Body = std::function<void(World<kThreads>&)>;

template <int kThreads>
void ExploreQueue(const char* what, ControlledScheduler::Options options,
                  const std::vector<Body<kThreads>>& bodies,
                  const std::function<std::string(const World<kThreads>&)>& check,
                  const Body<kThreads>& handler_of_the_second = nullptr) {
  static SimStorage<World<kThreads>> storage;
  rqlockdep::Explore(what, options, [&] {
    auto& world = storage.Renew();
    SimProgram program;
    for (const auto& body : bodies) program.threads.push_back([&world, &body] { body(world); });
    if (handler_of_the_second != nullptr) {
      program.handlers = {nullptr,
                          [&world, &handler_of_the_second] { handler_of_the_second(world); }};
    }
    program.at_end = [&world, &check] {
      const std::string wrong = check(world);
      return wrong.empty() ? world.Leftovers() : wrong;
    };
    return program;
  });
}

// Nobody may have to wait for a nap to end: everybody sleeps for ever.
template <int kThreads>
std::string AllWereHead(const World<kThreads>& world, int times) {
  return world.been_head == times ? "" : "not everybody was the head";
}

TEST(WaiterQueue, HandsTheHeadOnBetweenTwo) {
  const Body<2> body = [](World<2>& world) {
    world.BeHead(world.words[0]);
    // The successor may still have to link itself to our node.
    if (!world.BeHead(world.words[0])) ++world.been_head;
  };
  ExploreQueue<2>("two threads, twice", {}, {body, body},
                  [](const World<2>& world) { return AllWereHead(world, 4); });
}

TEST(WaiterQueue, HandsTheHeadOnAmongThree) {
  const Body<3> body = [](World<3>& world) { world.BeHead(world.words[0]); };
  ExploreQueue<3>("three threads", {.preemptions = 4}, {body, body, body},
                  [](const World<3>& world) { return AllWereHead(world, 3); });
}

TEST(WaiterQueue, HandsTheHeadOnAmongFour) {
  const Body<4> body = [](World<4>& world) { world.BeHead(world.words[0]); };
  ExploreQueue<4>("four threads", {.preemptions = 3}, {body, body, body, body},
                  [](const World<4>& world) { return AllWereHead(world, 4); });
}

// A waiter in the middle, or at the end, leaves at every moment. Its neighbours do not notice.
TEST(WaiterQueue, AWaiterLeaves) {
  const Body<3> stays = [](World<3>& world) { world.BeHead(world.words[0]); };
  const Body<3> leaves = [](World<3>& world) { world.BeHead(world.words[0], kMillisecond); };
  ExploreQueue<3>("one leaves", {.preemptions = 3, .early_wakeups = 1}, {stays, leaves, stays},
                  [](const World<3>& world) { return AllWereHead(world, 3 - world.abandoned); });
}

TEST(WaiterQueue, SeveralLeaveAtOnce) {
  const Body<4> stays = [](World<4>& world) { world.BeHead(world.words[0]); };
  const Body<4> leaves = [](World<4>& world) { world.BeHead(world.words[0], kMillisecond); };
  // More preemptions and as many early wake-ups at once would be too large.
  ExploreQueue<4>("two leave",
                  {.preemptions = Preemptions(2, 3), .early_wakeups = Preemptions(2, 1)},
                  {stays, leaves, leaves, stays},
                  [](const World<4>& world) { return AllWereHead(world, 4 - world.abandoned); });
}

// Who comes back to the queue that it left gets its place back, or joins anew, or finds its node in
// use; and never gets lost.
TEST(WaiterQueue, AWaiterLeavesAndComesBack) {
  const Body<3> stays = [](World<3>& world) { world.BeHead(world.words[0]); };
  const Body<3> returns = [](World<3>& world) {
    if (world.BeHead(world.words[0], kMillisecond)) return;
    world.BeHead(world.words[0]);
  };
  ExploreQueue<3>("one leaves and returns", {.preemptions = 3, .early_wakeups = 1},
                  {stays, returns, stays},
                  [](const World<3>& world) { return AllWereHead(world, 3 - world.busy); });
}

// Who left one queue, and goes to another while its node is still in the first, is told so.
TEST(WaiterQueue, AWaiterLeavesForAnotherQueue) {
  const Body<3> stays = [](World<3>& world) { world.BeHead(world.words[0]); };
  const Body<3> changes = [](World<3>& world) {
    if (world.BeHead(world.words[0], kMillisecond)) return;
    world.BeHead(world.words[1]);
  };
  const Body<3> other = [](World<3>& world) { world.BeHead(world.words[1]); };
  ExploreQueue<3>("one leaves for another", {.preemptions = 3, .early_wakeups = 1},
                  {stays, changes, other},
                  [](const World<3>& world) { return AllWereHead(world, 3 - world.busy); });
}

// The bug: a thread that came back for the place that it had left took another. Between Join's look
// at the node and its compare-and-swap the place was passed over, and a handler left the node in
// another queue, abandoned like before. The thread then was a head of the wrong queue, and left a
// node in the other that nobody waited with.
TEST(WaiterQueue, Bug_ComingBackTookThePlaceThatAHandlerHadLeftInAnotherQueue) {
  const Body<3> stays = [](World<3>& world) { world.BeHead(world.words[0]); };
  const Body<3> returns = [](World<3>& world) {
    if (!world.BeHead(world.words[0], kMillisecond)) world.BeHead(world.words[0]);
  };
  const Body<3> other = [](World<3>& world) { world.BeHead(world.words[1]); };
  const Body<3> handler = [](World<3>& world) { world.BeHead(world.words[1], kMillisecond); };
  int both_left = 0;
  ExploreQueue<3>(
      "a handler leaves another queue",
      {.preemptions = Preemptions(3, kUnlimited), .early_wakeups = 2}, {stays, returns, other},
      [&](const World<3>& world) {
        both_left += world.abandoned == 2 ? 1 : 0;
        return std::string(world.been_head >= 2 ? "" : "not everybody was the head");
      },
      handler);
  ExpectHappened("the thread and its handler left", both_left);
}

// After fork the child has none of the waiters that `tail` names. Thread 0 joins the first queue,
// whose `tail` is stale; the node of slot 1 has `state` and is for the lock of number `lock`.
void ExpectStale(uint16_t tail, uint32_t state, int lock) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  static SimStorage<World<2>> storage;
  const auto result = ControlledScheduler::Explore(
      [=] {
        auto& world = storage.Renew();
        auto& node = world.slots[1].node;
        return SimProgram{.threads = {[=, &world, &node] {
                            world.words[0].tail.store(tail, kRelaxed);
                            node.state.store(state, kRelaxed);
                            node.word.store(reinterpret_cast<uintptr_t>(&world.words[lock]),
                                            kRelaxed);
                            world.BeHead(world.words[0]);
                            if (node.state.Peek() != state || node.next.Peek() != 0) {
                              ControlledScheduler::Current().Fail("wrote to somebody else's node");
                            }
                            node.state.store(World<2>::Queue::kIdle, kRelaxed);
                          }},
                          .handlers = {},
                          .at_end = [&world] {
                            if (world.been_head != 1) return std::string("waits for nobody");
                            return world.Leftovers();
                          }};
      },
      {});
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.complete);
}

TEST(WaiterQueue, StaleTailCountsAsNone) {
  using Queue = World<2>::Queue;
  ExpectStale(/*tail=*/1, Queue::kIdle, 0);  // of the thread itself
  ExpectStale(/*tail=*/2, Queue::kIdle, 0);
  ExpectStale(/*tail=*/2, Queue::kIdle, 1);
  // The slot's next thread queues for another lock.
  ExpectStale(/*tail=*/2, Queue::kWaiting, 1);
  ExpectStale(/*tail=*/2, Queue::kHead, 1);
}

}  // namespace
}  // namespace rqlockdep
