// The lock algorithms under a controlled scheduler: every interleaving of two threads, and of three
// with a bounded number of preemptions. Properties in every execution: at most one owner; everybody
// ends; exactly one victim of a deadlock, none without one; words and tables clean at the end.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "tests/support/controlled_scheduler.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {
namespace {

using Options = ControlledScheduler::Options;

constexpr int64_t kMillisecond = 1'000'000;

// Sanitizers make fibers so slow that they get to see only some of the executions.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kExecutions = 2000;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t kExecutions = 2000;
#else
constexpr size_t kExecutions = 40'000'000;
#endif
#else
constexpr size_t kExecutions = 40'000'000;
#endif
constexpr bool kAll = kExecutions > 2000;

void Explore(const char* what, Options options, const std::function<SimProgram()>& make) {
  options.executions = kExecutions;
  const auto result = ControlledScheduler::Explore(make, options);
  std::printf("%s: %zu executions, %zu states\n", what, result.executions, result.states);
  std::string choices;
  for (const int choice : result.failing_choices) choices += std::to_string(choice) + " ";
  EXPECT_EQ(result.failure, "") << "choices: " << choices;
  EXPECT_TRUE(result.complete || !kAll) << "too large";
}

// What a test's threads report, beside the locks.
template <int kThreads, int kLocks>
struct World : SimProcess<kThreads, kLocks> {
  using SimProcess<kThreads, kLocks>::SimProcess;
  int deadlocks = 0;
  int timeouts = 0;
  int acquired = 0;

  LockResult Count(LockResult result) {
    acquired += result == LockResult::kOk;
    deadlocks += result == LockResult::kDeadlock;
    timeouts += result == LockResult::kTimedOut;
    return result;
  }
  // Takes the locks in order, and gives them back in reverse; on a failure gives back what it has.
  bool TakeAll(std::initializer_list<int> locks, int64_t limit = kSimForever) {
    const int* got = locks.begin();
    while (got != locks.end() && Count(this->Acquire(*got, limit)) == LockResult::kOk) ++got;
    const bool all = got == locks.end();
    if (all) this->Inside(*(got - 1));
    while (got != locks.begin()) this->Release(*--got);
    return all;
  }
};

TEST(Interleavings, TwoThreadsOneLock) {
  static SimStorage<World<2, 1>> storage;
  Explore("one lock", {}, [&] {
    auto& world = storage.Renew();
    const auto body = [&world] { world.TakeAll({0}); };
    return SimProgram{.threads = {body, body}, .handlers = {}, .at_end = [&world] {
                        if (world.acquired != 2) return std::string("not everybody got it");
                        return world.Leftovers();
                      }};
  });
}

TEST(Interleavings, TwoThreadsOneLockTwice) {
  static SimStorage<World<2, 1>> storage;
  Explore("one lock twice", {.preemptions = 3, .early_wakeups = 1}, [&] {
    auto& world = storage.Renew();
    const auto body = [&world] {
      world.TakeAll({0});
      world.TakeAll({0});
    };
    return SimProgram{.threads = {body, body}, .handlers = {}, .at_end = [&world] {
                        if (world.acquired != 4) return std::string("not everybody got it");
                        return world.Leftovers();
                      }};
  });
}

TEST(Interleavings, TwoThreadsOneRegularLock) {
  static SimStorage<World<2, 1>> storage;
  Explore("one regular lock", {.early_wakeups = 1}, [&] {
    auto& world = storage.Renew();
    const auto body = [&world] {
      world.LockRegular(0);
      world.Inside(0);
      world.UnlockRegular(0);
    };
    return SimProgram{
        .threads = {body, body}, .handlers = {}, .at_end = [&world] { return world.Leftovers(); }};
  });
}

TEST(Interleavings, AbbaHasOneVictim) {
  static SimStorage<World<2, 2>> storage;
  Explore("ABBA", {}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0, 1});
                                  },
                                  [&world] {
                                    world.TakeAll({1, 0});
                                  }},
                      .handlers = {},
                      .at_end = [&world] {
                        // Either they did not meet, or one gave way and the other got both.
                        if (world.deadlocks > 1) return std::string("two victims");
                        if (world.timeouts != 0) return std::string("a timeout");
                        if (world.acquired + world.deadlocks != 4) return std::string("lost one");
                        return world.Leftovers();
                      }};
  });
}

// With 506 slots the two threads' marks are the same, so marks alone prove nothing.
TEST(Interleavings, AbbaOfThreadsWithTheSameMark) {
  static SimStorage<World<2, 2>> storage;
  Explore("ABBA, same mark", {.preemptions = 2}, [&] {
    auto& world = storage.Renew(uint32_t{internal::kSlotMarks});
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0, 1});
                                  },
                                  [&world] {
                                    world.TakeAll({1, 0});
                                  }},
                      .handlers = {},
                      .at_end = [&world] {
                        if (world.deadlocks > 1) return std::string("two victims");
                        if (world.acquired + world.deadlocks != 4) return std::string("lost one");
                        return world.Leftovers();
                      }};
  });
}

TEST(Interleavings, ConsistentOrderNeverFails) {
  static SimStorage<World<2, 2>> storage;
  Explore("AB AB", {}, [&] {
    auto& world = storage.Renew();
    const auto body = [&world] { world.TakeAll({0, 1}); };
    return SimProgram{.threads = {body, body}, .handlers = {}, .at_end = [&world] {
                        if (world.acquired != 4) return std::string("a false alarm");
                        return world.Leftovers();
                      }};
  });
}

// A waiter whose limit passes while the owner holds on leaves nothing behind, and never leaves
// early.
TEST(Interleavings, TimeoutAgainstRelease) {
  static SimStorage<World<2, 1>> storage;
  Explore("timeout", {.early_wakeups = 3}, [&] {
    auto& world = storage.Renew();
    return SimProgram{
        .threads = {[&world] { world.TakeAll({0}); },
                    [&world] {
                      auto& scheduler = ControlledScheduler::Current();
                      const int64_t begin = scheduler.now();
                      if (world.Count(world.Acquire(0, 2 * kMillisecond)) == LockResult::kOk) {
                        world.Inside(0);
                        world.Release(0);
                      } else if (scheduler.now() - begin < 2 * kMillisecond) {
                        scheduler.Fail("timed out before its limit");
                      }
                    }},
        .handlers = {},
        .at_end = [&world] {
          if (world.deadlocks != 0) return std::string("a false alarm");
          if (world.acquired + world.timeouts != 2) return std::string("lost one");
          return world.Leftovers();
        }};
  });
}

// AA is found before any wait, and unwinding leaves nothing behind.
TEST(Interleavings, AaAgainstAnotherWaiter) {
  static SimStorage<World<2, 1>> storage;
  Explore("AA", {}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    auto& scheduler = ControlledScheduler::Current();
                                    if (world.Acquire(0) != LockResult::kOk) {
                                      scheduler.Fail("did not get it");
                                    }
                                    const int64_t begin = scheduler.now();
                                    if (world.Acquire(0) != LockResult::kDeadlock) {
                                      scheduler.Fail("AA not found");
                                    }
                                    if (scheduler.now() != begin) scheduler.Fail("AA waited");
                                    world.Release(0);
                                    world.Release(0);  // of a lock not held: nothing
                                  },
                                  [&world] { world.TakeAll({0}); }},
                      .handlers = {},
                      .at_end = [&world] {
                        if (world.acquired != 1) return std::string("a false alarm");
                        return world.Leftovers();
                      }};
  });
}

// An unlock by who does not hold the lock does nothing, at any moment.
TEST(Interleavings, ForeignUnlock) {
  static SimStorage<World<2, 1>> storage;
  Explore("foreign unlock", {}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] { world.TakeAll({0}); },
                                  [&world] {
                                    world.Release(0);
                                    if (world.TryAcquire(0)) {
                                      world.Inside(0);
                                      world.Release(0);
                                    }
                                    world.Release(0);
                                  }},
                      .handlers = {},
                      .at_end = [&world] { return world.Leftovers(); }};
  });
}

// A cancel at each moment of a wait: the waiter gives up or has got the lock, nothing in between.
// As the hooks promise, a cancel is over before Acquired or Failed returns.
TEST(Interleavings, CancelAgainstRelease) {
  struct Cancelled : World<2, 1> {
    void (*cancel)(void*) = nullptr;
    void* argument = nullptr;
    bool cancelling = false;
    void Cancel() {
      if (cancel == nullptr) return;
      cancelling = true;
      cancel(argument);
      cancelling = false;
    }
    void EndWait() {
      ControlledScheduler::Current().Await([this] { return !cancelling; });
      cancel = nullptr;
    }
    struct Observer {
      Cancelled* world;
      bool Waiting(void (*function)(void*), void* waiter) {
        world->cancel = function;
        world->argument = waiter;
        return false;
      }
      void Acquired() { world->EndWait(); }
      void Failed(LockResult) { world->EndWait(); }
    };
  };
  static SimStorage<Cancelled> storage;
  Explore("cancel", {.early_wakeups = 1}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0});
                                    world.Cancel();
                                  },
                                  [&world] {
                                    const LockResult result = world.Count(
                                        world.Acquire(0, kSimForever, Cancelled::Observer{&world}));
                                    if (result == LockResult::kOk) {
                                      world.Inside(0);
                                      world.Release(0);
                                    }
                                  }},
                      .handlers = {},
                      .at_end = [&world] {
                        if (world.acquired + world.deadlocks != 2) return std::string("lost one");
                        return world.Leftovers();
                      }};
  });
}

// A signal handler takes the lock of the code that it interrupts, at every moment of it.
TEST(Interleavings, HandlerAsksForTheSameLock) {
  static SimStorage<World<2, 1>> storage;
  for (const uint32_t distance : {1u, internal::kSlotMarks}) {
    Explore("handler, same lock", {.preemptions = 2}, [&, distance] {
      auto& world = storage.Renew(distance);
      return SimProgram{
          .threads = {[&world] { world.TakeAll({0}); }, [&world] { world.TakeAll({0}); }},
          .handlers = {[&world, distance] {
            // Either the interrupted code holds it: AA. Or it does not, and there is no deadlock.
            const LockResult result = world.Acquire(0, 5 * kMillisecond);
            // With shared marks AA cannot always be told; see SpinlockSlowPath::IsMine.
            if (result == LockResult::kTimedOut && distance == 1) {
              ControlledScheduler::Current().Fail("timed out");
            }
            if (result == LockResult::kOk) {
              world.Inside(0);
              world.Release(0);
            }
          }},
          .at_end = [&world] {
            if (world.acquired != 2) return std::string("a false alarm");
            return world.Leftovers();
          }};
    });
  }
}

// A signal handler takes another lock, which its owner only gives back after it got the one that
// the interrupted code holds or attempts.
TEST(Interleavings, HandlerClosesARing) {
  static SimStorage<World<2, 2>> storage;
  Explore("handler, ring", {.preemptions = 2}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] { world.TakeAll({0}); },
                                  [&world] {
                                    world.TakeAll({1, 0}, 20 * kMillisecond);
                                  }},
                      .handlers = {[&world] { world.TakeAll({1}, 20 * kMillisecond); }},
                      .at_end = [&world] {
                        if (world.deadlocks > 1) return std::string("two victims");
                        return world.Leftovers();
                      }};
  });
}

// An unlock wakes a sleeper at once: no time passes.
TEST(Interleavings, UnlockWakesASleeper) {
  static SimStorage<World<2, 1>> storage;
  Explore("wake", {}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    if (!world.TryAcquire(0)) return;
                                    auto& scheduler = ControlledScheduler::Current();
                                    scheduler.Await([&] { return scheduler.IsAsleepOrEnded(1); });
                                    world.Release(0);
                                  },
                                  [&world] {
                                    auto& scheduler = ControlledScheduler::Current();
                                    const int64_t begin = scheduler.now();
                                    world.TakeAll({0});
                                    if (scheduler.now() != begin) scheduler.Fail("slept on");
                                  }},
                      .handlers = {},
                      .at_end = [&world] { return world.Leftovers(); }};
  });
}

// A waiter that is interrupted by a handler that holds a lock is not blocked as far as that lock
// goes.
TEST(Interleavings, RunningHandlerBlocksNobody) {
  static SimStorage<World<2, 3>> storage;
  Explore("running handler", {.preemptions = 2}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0, 1});
                                  },
                                  [&world] {
                                    world.TakeAll({2, 0});
                                  }},
                      .handlers = {nullptr, [&world] { world.TakeAll({1}); }},
                      .at_end = [&world] {
                        if (world.acquired < 4 || world.deadlocks + world.timeouts != 0) {
                          return std::string("a false alarm");
                        }
                        return world.Leftovers();
                      }};
  });
}

// A wait that a handler's wait interrupted is published again: the ring through it is found, though
// nobody has a limit.
TEST(Interleavings, InterruptedWaitIsPublishedAgain) {
  static SimStorage<World<2, 3>> storage;
  Explore("interrupted wait", {.preemptions = 2}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({2, 0});
                                  },
                                  [&world] {
                                    if (world.Count(world.Acquire(0)) != LockResult::kOk) return;
                                    world.TakeAll({1});
                                    world.TakeAll({2});
                                    world.Release(0);
                                  }},
                      .handlers = {[&world] { world.TakeAll({1}); }},
                      .at_end = [&world] {
                        if (world.deadlocks > 1) return std::string("two victims");
                        return world.Leftovers();
                      }};
  });
}

TEST(Interleavings, ThreeThreadsOneLock) {
  static SimStorage<World<3, 1>> storage;
  Explore("three threads", {.preemptions = 2, .early_wakeups = 1}, [&] {
    auto& world = storage.Renew();
    const auto body = [&world] { world.TakeAll({0}); };
    return SimProgram{.threads = {body, body, body}, .handlers = {}, .at_end = [&world] {
                        if (world.acquired != 3) return std::string("not everybody got it");
                        return world.Leftovers();
                      }};
  });
}

TEST(Interleavings, RingOfThreeHasOneVictim) {
  static SimStorage<World<3, 3>> storage;
  Explore("ring of three", {.preemptions = 2}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0, 1});
                                  },
                                  [&world] {
                                    world.TakeAll({1, 2});
                                  },
                                  [&world] {
                                    world.TakeAll({2, 0});
                                  }},
                      .handlers = {},
                      .at_end = [&world] {
                        if (world.deadlocks > 1) return std::string("two victims");
                        if (world.timeouts != 0) return std::string("a timeout");
                        if (world.acquired + world.deadlocks != 6) return std::string("lost one");
                        return world.Leftovers();
                      }};
  });
}

// A ring of two and a third thread that only waits for one of its locks: not a victim.
TEST(Interleavings, BystanderOfARingIsNoVictim) {
  static SimStorage<World<3, 3>> storage;
  Explore("bystander", {.preemptions = 2}, [&] {
    auto& world = storage.Renew();
    return SimProgram{.threads = {[&world] {
                                    world.TakeAll({0, 1});
                                  },
                                  [&world] {
                                    world.TakeAll({1, 0});
                                  },
                                  [&world] {
                                    if (!world.TakeAll({2, 0})) {
                                      ControlledScheduler::Current().Fail("bystander failed");
                                    }
                                  }},
                      .handlers = {},
                      .at_end = [&world] {
                        if (world.deadlocks > 1) return std::string("two victims");
                        if (world.acquired + world.deadlocks != 6) return std::string("lost one");
                        return world.Leftovers();
                      }};
  });
}

}  // namespace
}  // namespace rqlockdep
