// A signal handler that interrupts the hooks after every single instruction.
//
// The processor's trap flag makes a SIGTRAP after each instruction of the code in question, and the
// kernel clears it for the handler. x86-64 only.
#include <gtest/gtest.h>
#include <signal.h>

#include <mutex>
#include <thread>

#include "rqlockdep/context.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "tests/runtime/finding_recorder.h"

#if defined(__x86_64__)

namespace rqlockdep {
namespace {

constexpr uint64_t kTrapFlag = 0x100;

[[gnu::noinline]] void StartStepping() {
  asm volatile(
      "pushfq\n\t"
      "orq %0, (%%rsp)\n\t"
      "popfq"
      :
      : "i"(kTrapFlag)
      : "cc", "memory");
}
[[gnu::noinline]] void StopStepping() {
  asm volatile(
      "pushfq\n\t"
      "andq %0, (%%rsp)\n\t"
      "popfq"
      :
      : "i"(~kTrapFlag)
      : "cc", "memory");
}

QueuedSpinlock handler_first;
QueuedSpinlock handler_second;
ResilientSpinlock handler_resilient;
volatile int steps = 0;
volatile int failures = 0;

void OnTrap(int signal) {
  const SignalHandlerScope scope(signal);
  steps = steps + 1;
  // Locks of its own, in an order that it keeps; and one that is new each time.
  QueuedSpinlock fresh;
  handler_first.lock();
  handler_second.lock();
  fresh.lock();
  fresh.unlock();
  if (handler_resilient.Acquire() == LockResult::kOk) {
    handler_resilient.unlock();
  } else {
    failures = failures + 1;
  }
  handler_second.unlock();
  handler_first.unlock();
}

class InterruptionTest : public FindingRecorder {
 protected:
  void SetUp() override {
    FindingRecorder::SetUp();
    steps = 0;
    failures = 0;
    struct sigaction action = {};
    action.sa_handler = &OnTrap;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &old_), 0);
  }
  void TearDown() override {
    sigaction(SIGTRAP, &old_, nullptr);
    FindingRecorder::TearDown();
  }

 private:
  struct sigaction old_ = {};
};

TEST_F(InterruptionTest, TheSteadyState) {
  QueuedSpinlock outer;
  ResilientSpinlock inner;
  const auto once = [&] {
    outer.lock();
    ASSERT_EQ(inner.Acquire(), LockResult::kOk);
    inner.unlock();
    outer.unlock();
  };
  once();
  StartStepping();
  once();
  StopStepping();
  EXPECT_GT(steps, 100);
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Ids(), Strings{});
  // The thread's records are as they should be.
  once();
  QueuedSpinlock other;
  Nest(outer, other);
  EXPECT_EQ(Ids(), Strings{});
  Nest(other, outer);
  EXPECT_EQ(Ids(), Strings{"circular-dependency"});
}

TEST_F(InterruptionTest, NewClassesOrdersAndAThreadsFirstLock) {
  int all_steps = 0;
  std::thread([&] {
    StartStepping();
    {
      QueuedSpinlock outer;
      Validated<std::mutex> unrelated;
      QueuedSpinlock inner;
      Nest(outer, inner);
      LockAndUnlock(unrelated);
    }
    StopStepping();
    all_steps = steps;
  }).join();
  EXPECT_GT(all_steps, 5000);
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Ids(), Strings{});
}

TEST_F(InterruptionTest, ContextsAndMasks) {
  QueuedSpinlock held;
  QueuedSpinlock lock;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigset_t before;
  StartStepping();
  held.lock();
  {
    const SoftContextScope scope;
    lock.lock();
    lock.unlock();
    const SignalHandlerScope handler(SIGALRM);
  }
  held.unlock();
  PthreadSigmask(SIG_BLOCK, &set, &before);
  {
    const SoftMaskScope masked;
    lock.lock();
    lock.unlock();
  }
  PthreadSigmask(SIG_SETMASK, &before, nullptr);
  StopStepping();
  EXPECT_GT(steps, 1000);
  EXPECT_EQ(Ids(), Strings{});
  // In no context, and nothing masked.
  lock.lock();
  EXPECT_EQ(Ids(), Strings{"inconsistent-context"});
  lock.unlock();
}

}  // namespace
}  // namespace rqlockdep

#endif  // defined(__x86_64__)
