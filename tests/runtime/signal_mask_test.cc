// What keeps the hard context off: signal masks.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <thread>

#include "rqlockdep/context.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "tests/runtime/context_fixture.h"

namespace rqlockdep {
namespace {

TEST_F(ContextTest, BlockingTheSignalKeepsThemApart) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  sigset_t before;
  Block({SIGUSR1}, &before);
  LockAndUnlock(lock);
  sigset_t nested;
  Block({SIGUSR1, SIGINT}, &nested);
  LockAndUnlock(lock);
  SetMask(nested);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  SetMask(before);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, UnblockingWhileTheLockIsHeldIsTooEarly) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  const sigset_t set = SetOf({SIGUSR1});
  Block({SIGUSR1});
  lock.lock();
  EXPECT_EQ(Ids(), kNothing);
  ASSERT_EQ(PthreadSigmask(SIG_UNBLOCK, &set, nullptr), 0);
  EXPECT_EQ(Ids(), kInconsistent);
  lock.unlock();
}

// What unblocks the signal only while it waits is not seen, but the handler is.
TEST_F(ContextTest, AWaitForSignalsLetsTheHandlerIn) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  QueuedSpinlock held;
  handler_body = [&] { LockAndUnlock(lock); };
  sigset_t before;
  Block({SIGUSR1}, &before);
  LockAndUnlock(lock);
  held.lock();
  raise(SIGUSR1);
  EXPECT_EQ(handler_calls, 0);
  sigset_t all_but_it = before;
  sigdelset(&all_but_it, SIGUSR1);
  sigsuspend(&all_but_it);
  EXPECT_EQ(handler_calls, 1);
  held.unlock();
  EXPECT_EQ(Ids(), kNothing);
  // So whoever holds `held` can be interrupted by the handler, in spite of the mask.
  handler_body = [&] { LockAndUnlock(held); };
  raise(SIGUSR1);
  SetMask(before);
  EXPECT_EQ(handler_calls, 2);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, EveryHandledSignalHasToBeBlocked) {
  Install(SIGUSR1);
  Install(SIGUSR2);
  QueuedSpinlock lock;
  InHandler(SIGUSR2, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1, SIGUSR2});
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  const sigset_t one = SetOf({SIGUSR1});
  SetMask(one);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AMaskMeansAnotherThingWithAnotherHandler) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1});
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  Install(SIGUSR2);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

// Handlers that the validator only hears of when they run: what blocks any signal before that may
// well be meant to keep it off.
TEST_F(ContextTest, BeforeAnyHandlerIsKnownAnyBlockedSignalCounts) {
  const struct sigaction action = PlainAction(&HandlerWithScope);
  ASSERT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  QueuedSpinlock lock;
  sigset_t before;
  Block({SIGALRM}, &before);
  LockAndUnlock(lock);
  SetMask(before);
  InHandler(SIGALRM, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(Ids(), kNothing);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, TheIrqsaveInterfaceMasks) {
  Install(SIGUSR1);
  raw_spinlock_t lock;
  raw_spin_lock_init(&lock);
  rqspinlock_t resilient;
  raw_res_spin_lock_init(&resilient);
  const auto take_both = [&] {
    unsigned long flags;
    raw_spin_lock_irqsave(&lock, flags);
    unsigned long inner_flags;
    ASSERT_EQ(raw_res_spin_lock_irqsave(&resilient, inner_flags), 0);
    raw_res_spin_unlock_irqrestore(&resilient, inner_flags);
    // Still masked here.
    raw_spin_unlock_irqrestore(&lock, flags);
  };
  InHandler(SIGUSR1, take_both);
  take_both();
  EXPECT_EQ(Ids(), kNothing);
  raw_spin_lock(&lock);
  raw_spin_unlock(&lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AThreadInheritsItsMask) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  sigset_t before;
  Block({SIGUSR1}, &before);
  std::thread([&] {
    LockAndUnlock(lock);
    EXPECT_EQ(Ids(), kNothing);
  }).join();
  SetMask(before);
  std::thread([&] { LockAndUnlock(lock); }).join();
  EXPECT_EQ(Ids(), kInconsistent);
}

// The thread's first event is in a handler, where its signal is blocked. Outside it is not.
TEST_F(ContextTest, AThreadThatBeginsInAHandler) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  std::thread([&] {
    InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
    EXPECT_EQ(Ids(), kNothing);
    LockAndUnlock(lock);
  }).join();
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SaveAndRestoreInsideAHandler) {
  Install(SIGUSR1);
  Install(SIGUSR2);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] {
    sigset_t before;
    Block({SIGUSR2}, &before);
    LockAndUnlock(lock);
    SetMask(before);
    LockAndUnlock(lock);
  });
  EXPECT_EQ(Ids(), kNothing);
}

TEST_F(ContextTest, AHandlerThatUnblocksItsSignalCanBeInterrupted) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] {
    LockAndUnlock(lock);
    const sigset_t own = SetOf({SIGUSR1});
    ASSERT_EQ(PthreadSigmask(SIG_UNBLOCK, &own, nullptr), 0);
    EXPECT_EQ(Ids(), kNothing);
    LockAndUnlock(lock);
  });
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AQuestionChangesNothing) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1});
  sigset_t now;
  ASSERT_EQ(PthreadSigmask(SIG_BLOCK, nullptr, &now), 0);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  EXPECT_EQ(PthreadSigmask(12345, &now, nullptr), EINVAL);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
}

}  // namespace
}  // namespace rqlockdep
