// A world in which one thread's wait can be cancelled, in the way in which the validator does it.
#ifndef RQLOCKDEP_TESTS_INTERLEAVINGS_CANCELLABLE_H_
#define RQLOCKDEP_TESTS_INTERLEAVINGS_CANCELLABLE_H_

#include <cstdint>

#include "rqlockdep/lock_result.h"
#include "src/deliberate_fault.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {

// Thread `kWaiter` can be cancelled.
template <int kThreads, int kWaiter,
          internal::DeliberateFault kBug = internal::DeliberateFault::kNone>
struct Cancellable : World<kThreads, 1, kBug> {
  using Base = World<kThreads, 1, kBug>;
  using Base::Base;

  void Cancel() {
    if (cancel == nullptr) return;
    cancelling = true;
    cancel(argument);
    cancelling = false;
    cancelled = true;
  }
  void EndWait() {
    Base::scheduler().Await([this] { return !cancelling; });
    cancel = nullptr;
  }
  struct Observer {
    Cancellable* world;
    bool at_once;
    bool Waiting(void (*function)(void*), void* waiter) {
      // Others see it from now on.
      Base::scheduler().Step(/*willing=*/false);
      world->cancel = function;
      world->argument = waiter;
      if (at_once) world->Cancel();
      return false;
    }
    void Acquired() { world->EndWait(); }
    void Failed(LockResult) { world->EndWait(); }
  };
  // Waits without a limit, and says whether it got the lock.
  bool Take(bool at_once = false) {
    const int64_t begin = Base::scheduler().now();
    const LockResult result = this->Count(this->Acquire(0, kSimForever, Observer{this, at_once}));
    if (result == LockResult::kTimedOut) Base::scheduler().Fail("timed out");
    if (result == LockResult::kDeadlock) {
      if (!cancelled) Base::scheduler().Fail("nobody cancelled");
      // A cancel between the waiter's last look and its sleep is found when its nap ends.
      if (Base::scheduler().now() > begin + kMillisecond) Base::scheduler().Fail("slept on");
    }
    if (result != LockResult::kOk) return false;
    this->Inside(0);
    this->Release(0);
    return true;
  }

  SimNote<void (*)(void*)> cancel;
  SimNote<void*> argument;
  SimNote<bool> cancelling;
  SimNote<bool> cancelled;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_INTERLEAVINGS_CANCELLABLE_H_
