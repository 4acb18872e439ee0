// Waits of code that signal handlers interrupt, and of the handlers.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/live_waits_fixture.h"

namespace rqlockdep {
namespace {

// The handler came between the hook and the lock, or after both: that is not on record.
TEST_F(LiveWaitsTest, TheNewestLockOfInterruptedCodeIsBelievedWhenItLasts) {
  const auto [interrupted, other, a, b] = TwoOfEach();
  Acquire(interrupted, a);
  validator_.EnterContext(interrupted, ContextKind::kHard);
  Acquire(other, b);
  Wait(other, a);
  Wait(interrupted, b);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(environment_.rests, 24);
}

TEST_F(LiveWaitsTest, TheNewestLockOfInterruptedCodeMayBeAnotherThreads) {
  ThreadState& interrupted = Thread();
  ThreadState& other = Thread();
  ThreadState& holder = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Acquire(interrupted, a);  // interrupted here
  Acquire(holder, a);
  validator_.EnterContext(interrupted, ContextKind::kHard);
  Acquire(other, b);
  Wait(other, a);
  Wait(interrupted, b);
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_EQ(environment_.rests, 0);
}

TEST_F(LiveWaitsTest, OlderLocksOfInterruptedCodeAreHeldForCertain) {
  const auto [interrupted, other, a, b] = TwoOfEach();
  Acquire(interrupted, a);
  Acquire(interrupted, Lock());
  validator_.EnterContext(interrupted, ContextKind::kHard);
  Acquire(other, b);
  Wait(other, a);
  Wait(interrupted, b);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(environment_.rests, 0);
}

// What a handler takes while the thread waits is given back without that wait.
TEST_F(LiveWaitsTest, ALockThatAHandlerTakesDuringAWaitIsOnNoRing) {
  const auto [waiter, other, a, b] = TwoOfEach();
  hooks::LockMap& own = Lock();
  Acquire(other, a);
  Acquire(waiter, own);
  Wait(waiter, a);
  validator_.EnterContext(waiter, ContextKind::kHard);
  Acquire(waiter, b);
  Wait(other, b);
  EXPECT_EQ(Rings(), Ids{});
}

// The ring is closed while a handler's own wait hides that of the code which it interrupted.
TEST_F(LiveWaitsTest, AnInterruptedWaitIsLookedAtAgain) {
  ThreadState& waiter = Thread();
  ThreadState& other = Thread();
  ThreadState& bystander = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  hooks::LockMap& c = Lock();
  Acquire(other, a);
  Acquire(bystander, c);
  Acquire(waiter, b);
  Wait(waiter, a);
  validator_.EnterContext(waiter, ContextKind::kHard);
  Wait(waiter, c);
  Wait(other, b);
  EXPECT_EQ(Rings(), Ids{});
  validator_.Release(bystander, c, Site());
  validator_.Acquired(waiter, c);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  const Finding& finding = sink_.findings.back();
  ASSERT_EQ(finding.threads.size(), 2U);
  EXPECT_EQ(finding.threads[0].waits_for.instance, &a);
  EXPECT_EQ(finding.threads[0].held.size(), 2U);  // not what the handler has
}

// AA in a handler fails without a wait of its own; the interrupted wait goes on.
TEST_F(LiveWaitsTest, AFailureWithoutAWaitEndsNoOtherWait) {
  ThreadState& waiter = Thread();
  hooks::LockMap& a = Lock(LockKind::kRqspinlock);
  Acquire(waiter, Lock());
  Wait(waiter, a);
  validator_.EnterContext(waiter, ContextKind::kHard);
  Acquire(waiter, a);
  validator_.Failed(waiter, a, FailReason::kDeadlock);
  EXPECT_EQ(waiter.wait.Read().lock, &a);
  validator_.LeaveContext(waiter, Site());
  validator_.Acquired(waiter, a);
  EXPECT_FALSE(waiter.wait.is_published());
}

}  // namespace
}  // namespace rqlockdep
