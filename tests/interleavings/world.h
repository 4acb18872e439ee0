// A process under the controlled scheduler, and what its threads report beside the locks.
#ifndef RQLOCKDEP_TESTS_INTERLEAVINGS_WORLD_H_
#define RQLOCKDEP_TESTS_INTERLEAVINGS_WORLD_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "rqlockdep/lock_result.h"
#include "src/deliberate_fault.h"
#include "tests/support/controlled_scheduler.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {

template <int kThreads, int kLocks,
          internal::DeliberateFault kBug = internal::DeliberateFault::kNone>
struct World : SimProcess<kThreads, kLocks, kBug> {
  using SimProcess<kThreads, kLocks, kBug>::SimProcess;

  SimNote<int> acquired;
  SimNote<int> deadlocks;
  SimNote<int> timeouts;
  SimNote<bool> done[kThreads];  // set by threads of a test

  bool IsDone(int thread) const { return done[thread]; }

  static ControlledScheduler& scheduler() { return ControlledScheduler::Current(); }

  LockResult Count(LockResult result) {
    if (result == LockResult::kOk) acquired += 1;
    if (result == LockResult::kDeadlock) deadlocks += 1;
    if (result == LockResult::kTimedOut) timeouts += 1;
    return result;
  }
  void Note(LockResult result) { static_cast<void>(Count(result)); }
  // Takes the locks in order, and gives them back in reverse; on a failure gives back what it has.
  bool TakeAll(std::initializer_list<int> locks, int64_t limit = kSimForever) {
    const int* got = locks.begin();
    while (got != locks.end() && Count(this->Acquire(*got, limit)) == LockResult::kOk) ++got;
    const bool all = got == locks.end();
    if (all) this->Inside(*(got - 1));
    while (got != locks.begin()) this->Release(*--got);
    return all;
  }
  // Takes a free lock and holds it until `release`; then gives it back.
  void HoldUntil(int lock, std::function<bool()> release) {
    if (Count(this->Acquire(lock)) != LockResult::kOk) scheduler().Fail("did not get a free lock");
    scheduler().Await(std::move(release));
    this->Release(lock);
  }
  // While the lock is held the thread, as its spinner, just spins, however long that takes.
  void KeepSpinning(int thread, int lock) {
    this->at_pause = [this, thread, lock](int who) {
      if (who != thread || !this->HasSpinner(lock)) return;
      scheduler().Await([this, lock] { return !this->IsHeld(lock); });
    };
  }
  // Takes the lock, and does not have to wait for the end of a nap. To be asked only of a waiter
  // that sleeps before the lock is given back; one that is about to sleep may have a nap.
  void TakeAtOnce(int lock) {
    TakeAll({lock});
    if (scheduler().full_naps() != 0) {
      scheduler().Fail("slept on though the lock was free");
    }
  }

  // At the end: `expected` acquisitions, none of which failed.
  std::string NobodyFailed(int expected) const {
    if (deadlocks + timeouts != 0) return "a false alarm";
    return acquired == expected ? this->Leftovers() : "not everybody got it";
  }
  // At the end of threads that asked for `asked` locks and may have closed one ring. That a ring
  // with no victim at all is seen as an execution without an end.
  std::string AtMostOneVictim(int asked) const {
    if (deadlocks > 1) return "two victims";
    if (timeouts != 0) return "a timeout";
    return acquired + deadlocks == asked ? this->Leftovers() : "lost one";
  }
};

// A program of threads that share a world.
template <class AnyWorld>
SimProgram Program(AnyWorld& world, const std::vector<std::function<void(AnyWorld&)>>& threads,
                   std::function<std::string(AnyWorld&)> at_end,
                   const std::vector<std::function<void(AnyWorld&)>>& handlers = {}) {
  SimProgram program;
  for (const auto& body : threads) program.threads.push_back([&world, body] { body(world); });
  for (const auto& body : handlers) {
    program.handlers.push_back(body == nullptr ? std::function<void()>()
                                               : [&world, body] { body(world); });
  }
  program.at_end = [&world, at_end = std::move(at_end)] { return at_end(world); };
  return program;
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_INTERLEAVINGS_WORLD_H_
