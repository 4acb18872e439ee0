// The locks call the hooks in the right order, with the right arguments, on every path, and their
// own state is clean when they say so. Built with the validator on, and a recorder in its place.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rqlockdep/hooks.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/resilient_lock_guard.h"
#include "rqlockdep/resilient_spinlock.h"
#include "tests/support/hook_recorder.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::ElementsAre;

constinit LockClass a_class("a_class");
// Constant-initialised, as statics have to be.
constinit ResilientSpinlock static_resilient;
constinit QueuedSpinlock static_queued;
constinit ResilientSpinlock static_with_class(a_class);

class LockHooks : public testing::Test {
 protected:
  LockHooks() {
    HookRecorder::Start();
    HookRecorder::Name(a.lock_map(), "a");
    HookRecorder::Name(b.lock_map(), "b");
    HookRecorder::Name(q.lock_map(), "q");
  }
  ~LockHooks() override { HookRecorder::Start(); }

  ResilientSpinlock a;
  ResilientSpinlock b;
  QueuedSpinlock q;
};

// Holds a lock on another thread until told otherwise.
template <class Lock>
class Holder {
 public:
  explicit Holder(Lock& lock)
      : thread_([this, &lock] {
          lock.lock();
          held_.store(true);
          held_.notify_one();
          let_go_.wait(false);
          lock.unlock();
        }) {
    held_.wait(false);
  }
  ~Holder() {
    LetGo();
    thread_.join();
  }
  void LetGo() {
    let_go_.store(true);
    let_go_.notify_one();
  }

 private:
  std::atomic<bool> held_{false};
  std::atomic<bool> let_go_{false};
  std::thread thread_;
};

TEST_F(LockHooks, LockAndMapHaveOneAddress) {
  EXPECT_EQ(static_cast<const void*>(&a), static_cast<const void*>(&a.lock_map()));
  EXPECT_EQ(static_cast<const void*>(&q), static_cast<const void*>(&q.lock_map()));
}

TEST_F(LockHooks, KindsAndClasses) {
  using KeyType = hooks::LockMap::KeyType;
  EXPECT_EQ(a.lock_map().kind(), LockKind::kRqspinlock);
  EXPECT_EQ(q.lock_map().kind(), LockKind::kQspinlock);
  EXPECT_EQ(static_resilient.lock_map().kind(), LockKind::kRqspinlock);
  EXPECT_EQ(static_queued.lock_map().kind(), LockKind::kQspinlock);
  EXPECT_EQ(static_resilient.lock_map().key_type(), KeyType::kNone);
  EXPECT_FALSE(static_resilient.lock_map().in_function());
  EXPECT_EQ(static_with_class.lock_map().key_type(), KeyType::kExplicit);
  EXPECT_EQ(static_with_class.lock_map().key(), &a_class);
}

TEST_F(LockHooks, UncontendedIsTwoCalls) {
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  a.unlock();
  q.lock();
  q.unlock();
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Release a", "Acquire q blocking", "Release q"));
}

TEST_F(LockHooks, NestedArguments) {
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  ASSERT_EQ(b.Acquire(Nested{.subclass = 1, .nest = &a}), LockResult::kOk);
  b.unlock();
  ASSERT_TRUE(b.try_lock({.subclass = 2}));
  b.unlock();
  q.lock({.subclass = 3, .nest = &a});
  q.unlock();
  a.unlock();
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Acquire b resilient subclass=1 nest=a",
                          "Release b", "TryAcquire b try subclass=2 got", "Release b",
                          "Acquire q blocking subclass=3 nest=a", "Release q", "Release a"));
}

TEST_F(LockHooks, AaFailsWithoutWaiting) {
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  EXPECT_EQ(a.Acquire(), LockResult::kDeadlock);
  EXPECT_EQ(a.AcquireFor(nanoseconds(0)), LockResult::kDeadlock);
  EXPECT_FALSE(a.try_lock());
  a.unlock();
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Acquire a resilient", "Failed a deadlock",
                          "Acquire a resilient", "Failed a deadlock", "TryAcquire a try busy",
                          "Release a"));
}

TEST_F(LockHooks, NoLimitIsOneAttempt) {
  Holder<ResilientSpinlock> holder(a);
  EXPECT_EQ(a.AcquireFor(nanoseconds(0)), LockResult::kTimedOut);
  EXPECT_EQ(a.AcquireFor(hours(-1)), LockResult::kTimedOut);
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Failed a timed out", "Acquire a resilient",
                          "Failed a timed out"));
}

TEST_F(LockHooks, TimeoutAfterWaiting) {
  Holder<ResilientSpinlock> holder(a);
  EXPECT_EQ(a.AcquireFor(milliseconds(3)), LockResult::kTimedOut);
  EXPECT_FALSE(a.try_lock_for(milliseconds(1)));
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Waiting a cancellable", "Failed a timed out",
                          "Acquire a resilient", "Waiting a cancellable", "Failed a timed out"));
}

TEST_F(LockHooks, GotItAfterWaiting) {
  {
    Holder<ResilientSpinlock> holder(a);
    // Lets go when the waiter is about to wait: no sleep, no luck.
    HookRecorder::SetObserver([&holder](const std::string& call) {
      if (call == "Waiting a cancellable") holder.LetGo();
    });
    EXPECT_EQ(a.AcquireFor(hours(1)), LockResult::kOk);
    a.unlock();
  }
  {
    Holder<QueuedSpinlock> holder(q);
    HookRecorder::SetObserver([&holder](const std::string& call) {
      if (call == "Waiting q") holder.LetGo();
    });
    q.lock();
    q.unlock();
  }
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Waiting a cancellable", "Acquired a", "Release a",
                          "Acquire q blocking", "Waiting q", "Acquired q", "Release q"));
}

TEST_F(LockHooks, CancelFromWithinTheHook) {
  Holder<ResilientSpinlock> holder(a);
  HookRecorder::SetObserver([this](const std::string& call) {
    if (call == "Waiting a cancellable") HookRecorder::Cancel(a.lock_map());
  });
  EXPECT_EQ(a.AcquireFor(hours(1)), LockResult::kDeadlock);
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire a resilient", "Waiting a cancellable", "Failed a deadlock"));
}

TEST_F(LockHooks, CancelFromAnotherThread) {
  Holder<ResilientSpinlock> holder(a);
  std::atomic<bool> waiting{false};
  HookRecorder::SetObserver([&waiting](const std::string& call) {
    if (call != "Waiting a cancellable") return;
    waiting.store(true);
    waiting.notify_one();
  });
  std::thread canceller([&] {
    waiting.wait(false);
    HookRecorder::Cancel(a.lock_map());
  });
  EXPECT_EQ(a.AcquireFor(hours(1)), LockResult::kDeadlock);
  canceller.join();
}

// When Failed is called, the lock is as if the attempt had not been made: a handler or report that
// looks at it then sees the truth.
TEST_F(LockHooks, CleanBeforeFailed) {
  Holder<ResilientSpinlock> holder(a);
  bool looked = false;
  HookRecorder::SetObserver([&](const std::string& call) {
    if (call != "Failed a timed out") return;
    looked = true;
    EXPECT_FALSE(a.IsHeld());
    a.unlock();  // of a lock not held
    EXPECT_FALSE(a.try_lock());
  });
  EXPECT_EQ(a.AcquireFor(milliseconds(2)), LockResult::kTimedOut);
  EXPECT_TRUE(looked);
}

// The lock is still held when Release is called, and TryAcquire comes afterwards.
TEST_F(LockHooks, OrderOfReleaseAndTry) {
  int looked = 0;
  HookRecorder::SetObserver([&](const std::string& call) {
    if (call == "TryAcquire a try got" || call == "Release a") {
      ++looked;
      EXPECT_TRUE(a.IsHeld());
    }
  });
  ASSERT_TRUE(a.try_lock());
  a.unlock();
  EXPECT_EQ(looked, 2);
}

TEST_F(LockHooks, UnlockNotHeldIsReportedAndIgnored) {
  Holder<ResilientSpinlock> holder(a);
  a.unlock();
  EXPECT_EQ(a.AcquireFor(nanoseconds(0)), LockResult::kTimedOut);  // still the holder's
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Release a", "Acquire a resilient", "Failed a timed out"));
}

TEST_F(LockHooks, DestroyCleansTheTable) {
  alignas(ResilientSpinlock) unsigned char memory[sizeof(ResilientSpinlock)];
  auto* lock = ::new (memory) ResilientSpinlock;
  HookRecorder::Name(lock->lock_map(), "gone");
  ASSERT_EQ(lock->Acquire(), LockResult::kOk);
  lock->~ResilientSpinlock();
  lock = ::new (memory) ResilientSpinlock;
  EXPECT_FALSE(lock->IsHeld());
  ASSERT_EQ(lock->Acquire(), LockResult::kOk);
  lock->unlock();
  lock->~ResilientSpinlock();
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Acquire gone resilient", "Destroy gone", "Acquire gone resilient",
                          "Release gone", "Destroy gone"));
}

TEST_F(LockHooks, GuardReleasesOnlyWhatItGot) {
  {
    ResilientLockGuard guard(a);
    ASSERT_TRUE(guard);
    ResilientLockGuard again(a);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.result(), LockResult::kDeadlock);
  }
  EXPECT_THAT(
      HookRecorder::CallsOfThisThread(),
      ElementsAre("Acquire a resilient", "Acquire a resilient", "Failed a deadlock", "Release a"));
}

TEST_F(LockHooks, CInterface) {
  rqspinlock_t resilient;
  raw_spinlock_t regular;
  HookRecorder::Name(*reinterpret_cast<hooks::LockMap*>(&resilient), "r");
  HookRecorder::Name(*reinterpret_cast<hooks::LockMap*>(&regular), "s");
  raw_res_spin_lock_init(&resilient);
  raw_spin_lock_init(&regular);
  ASSERT_EQ(raw_res_spin_lock(&resilient), 0);
  raw_spin_lock_nest_lock(&regular, &regular);
  EXPECT_EQ(raw_spin_trylock(&regular), 0);
  raw_spin_unlock(&regular);
  raw_spin_lock_nested(&regular, 1);
  raw_spin_unlock(&regular);
  raw_res_spin_unlock(&resilient);
  ASSERT_EQ(raw_res_spin_lock_nested(&resilient, 2), 0);
  raw_res_spin_unlock(&resilient);
  EXPECT_THAT(HookRecorder::CallsOfThisThread(),
              ElementsAre("Init r kind=1 key=&resilient", "Init s kind=0 key=&regular",
                          "Acquire r resilient", "Acquire s blocking nest=s",
                          "TryAcquire s try busy", "Release s", "Acquire s blocking subclass=1",
                          "Release s", "Release r", "Acquire r resilient subclass=2", "Release r"));
}

// The C types mirror the C++ ones; with the validator on that is more than the four bytes.
TEST_F(LockHooks, CInitialisersMakeWhatConstructorsMake) {
  static DEFINE_RQSPINLOCK(resilient);
  static DEFINE_RAW_SPINLOCK(regular);
  static_assert(sizeof(resilient) == sizeof(ResilientSpinlock));
  const auto& map = *reinterpret_cast<const hooks::LockMap*>(&resilient);
  EXPECT_EQ(map.kind(), LockKind::kRqspinlock);
  EXPECT_EQ(map.key_type(), hooks::LockMap::KeyType::kNone);
  EXPECT_EQ(map.key(), nullptr);
  EXPECT_EQ(map.class_id.load(), 0u);
  EXPECT_FALSE(map.in_function());
  EXPECT_EQ(reinterpret_cast<const hooks::LockMap*>(&regular)->kind(), LockKind::kQspinlock);
  raw_spin_lock(&regular);
  EXPECT_EQ(regular.word.locked, 255);
  raw_spin_unlock(&regular);
  ASSERT_EQ(res_spin_lock(&resilient), 0);
  EXPECT_NE(resilient.word.locked, 0);
  res_spin_unlock(&resilient);
  EXPECT_EQ(resilient.word.locked, 0);
}

}  // namespace
}  // namespace rqlockdep
