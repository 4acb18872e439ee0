// Rings of waiting threads as the validator sees them while threads run: what the moves of one
// thread after another show. tests/runtime/live_deadlock_test.cc does the same with real threads.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/live_waits_fixture.h"

namespace rqlockdep {
namespace {

TEST_F(LiveWaitsTest, ARingIsReportedAtOnce) {
  const auto [first, second, a, b] = TwoOfEach();
  Acquire(first, a);
  Acquire(second, b);
  EXPECT_TRUE(Wait(first, b));
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_TRUE(Wait(second, a));
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(environment_.rests, 0);
  const Finding& finding = sink_.findings.back();
  ASSERT_EQ(finding.threads.size(), 2U);
  EXPECT_EQ(finding.threads[0].thread, second.id());
  EXPECT_EQ(finding.threads[0].waits_for.instance, &a);
  EXPECT_TRUE(finding.threads[0].waits_for.stack_is_exact);
  ASSERT_EQ(finding.threads[0].held.size(), 2U);
  EXPECT_EQ(finding.threads[0].held[0].instance, &b);
  EXPECT_EQ(finding.threads[1].thread, first.id());
  EXPECT_EQ(finding.threads[1].waits_for.instance, &b);
}

// A record alone is no hold: `second` has asked for `a`, but whether it gets it is not said yet.
TEST_F(LiveWaitsTest, WhoDoesNotWaitIsOnNoRing) {
  const auto [first, second, a, b] = TwoOfEach();
  Acquire(first, a);
  Acquire(second, b);
  Acquire(second, a);
  Wait(first, b);
  EXPECT_EQ(Rings(), Ids{});
  validator_.Waiting(second, a, nullptr, nullptr, Site());
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
}

TEST_F(LiveWaitsTest, TheNewestBoundedWaiterIsToldOnceAndTheOthersAreNot) {
  ThreadState& first = Thread();
  ThreadState& second = Thread();
  ThreadState& third = Thread();
  hooks::LockMap& a = Lock(LockKind::kRqspinlock);
  hooks::LockMap& b = Lock(LockKind::kRqspinlock);
  hooks::LockMap& c = Lock(LockKind::kRwsem);
  hooks::LockMap& d = Lock();
  ThreadState& fourth = Thread();
  Acquire(first, c, LockMode::kReader);
  Acquire(fourth, c, LockMode::kReader);
  Acquire(second, a);
  Acquire(second, d);
  Acquire(third, b);
  Wait(first, a);
  Wait(second, b);
  Wait(third, c);
  EXPECT_EQ(Rings(), Ids{FindingId::kResilientDeadlock});
  EXPECT_EQ(told_[&first], 0);
  EXPECT_EQ(told_[&second], 1);
  EXPECT_EQ(told_[&third], 0);
  // As good as gone: a ring through it is none.
  Wait(fourth, d);
  EXPECT_EQ(told_[&second], 1);
  EXPECT_EQ(Rings().size(), 1U);
  validator_.Failed(second, b, FailReason::kDeadlock);
  EXPECT_FALSE(second.wait.is_published());
}

// Again and again in the same places: once.
TEST_F(LiveWaitsTest, ARingThatComesAgainIsToldAgainButReportedOnce) {
  hooks::LockMap& a = Lock(LockKind::kRqspinlock);
  hooks::LockMap& b = Lock();
  ThreadState& first = Thread();
  ThreadState& second = Thread();
  for (int i = 1; i <= 3; ++i) {
    site_ = 100;
    Acquire(first, a);
    Acquire(second, b);
    Wait(first, b);
    Wait(second, a);
    EXPECT_EQ(told_[&second], i);
    validator_.Failed(second, a, FailReason::kDeadlock);
    validator_.Release(second, b, Site());
    validator_.Acquired(first, b);
    validator_.Release(first, b, Site());
    validator_.Release(first, a, Site());
  }
  EXPECT_EQ(Rings(), Ids{FindingId::kResilientDeadlock});
}

TEST_F(LiveWaitsTest, AWaitForOnesOwnLockIsARingOfOne) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock();
  Acquire(thread, a);
  Wait(thread, a);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(MembersOfLastRing(), std::vector<ThreadId>{thread.id()});
}

// --- many rings at once ---

// The bug: each of the 6, 39, 424, 7905 simple cycles was a report.
TEST_F(LiveWaitsTest, ReadersThatWaitForOneAnotherAreOneReport) {
  for (size_t n = 2; n <= 6; ++n) {
    hooks::LockMap* const locks[] = {&Lock(LockKind::kRwsem), &Lock(LockKind::kRwsem)};
    std::vector<ThreadState*> threads;
    for (size_t i = 0; i < 2 * n; ++i) {
      threads.push_back(&Thread());
      Acquire(*threads[i], *locks[i % 2], LockMode::kReader);
    }
    for (size_t i = 0; i < 2 * n; ++i) {
      site_ = 1000 + 2 * (i % 2);
      Wait(*threads[i], *locks[(i + 1) % 2]);
    }
    EXPECT_EQ(Rings(), Ids(n - 1, FindingId::kDeadlock));
  }
}

TEST_F(LiveWaitsTest, AThreadThatIsStuckIsNotLookedAtForEver) {
  constexpr size_t kReaders = 12;
  hooks::LockMap* const locks[] = {&Lock(LockKind::kRwsem), &Lock(LockKind::kRwsem)};
  std::vector<ThreadState*> threads;
  for (size_t i = 0; i < kReaders; ++i) {
    threads.push_back(&Thread());
    Acquire(*threads[i], *locks[i % 2], LockMode::kReader);
  }
  size_t before = 0;
  for (size_t i = 0; i < kReaders; ++i) {
    Wait(*threads[i], *locks[(i + 1) % 2]);  // each in a place of its own
    EXPECT_EQ(Rings().size() > before, i > 0);
    EXPECT_LE(Rings().size(), before + 4);
    before = Rings().size();
  }
}

TEST_F(LiveWaitsTest, AmongManyRingsWithoutEndTheOneWithAResilientWaiterIsFound) {
  hooks::LockMap& a = Lock(LockKind::kRwsem);
  hooks::LockMap& b = Lock(LockKind::kRwsem);
  hooks::LockMap& resilient = Lock(LockKind::kRqspinlock);
  for (int i = 0; i < 10; ++i) {
    ThreadState& reader = Thread();
    Acquire(reader, a, LockMode::kReader);
    Wait(reader, b);
  }
  ThreadState& can_be_told = Thread();
  ThreadState& holder = Thread();
  ThreadState& last = Thread();
  Acquire(can_be_told, a, LockMode::kReader);
  Acquire(holder, resilient);
  Acquire(last, b, LockMode::kReader);
  Wait(can_be_told, resilient);
  Wait(holder, b);
  EXPECT_EQ(Rings(), Ids{});
  Wait(last, a);
  EXPECT_EQ(told_[&can_be_told], 1);
  EXPECT_EQ(Rings().back(), FindingId::kResilientDeadlock);
  EXPECT_LE(Rings().size(), 5U);
}

// --- waiters that nobody can tell ---

// The bug: the newer one was chosen, which can only run out, and the other was not told.
TEST_F(LiveWaitsTest, AResilientWaiterIsToldEvenIfATimedOneIsNewer) {
  hooks::LockMap& a = Lock(LockKind::kRqspinlock);
  hooks::LockMap& b = Lock();
  for (const bool timed_is_newer : {true, false}) {
    ThreadState& resilient = Thread();
    ThreadState& timed = Thread();
    Acquire(timed, a);
    Acquire(resilient, b);
    if (timed_is_newer) Wait(resilient, a);
    WaitForATime(timed, b);
    if (!timed_is_newer) Wait(resilient, a);
    EXPECT_EQ(told_[&resilient], 1);
    EXPECT_EQ(Rings().size(), timed_is_newer ? 1U : 2U);
    for (const FindingThread& thread : sink_.findings.back().threads) {
      EXPECT_EQ(thread.gives_way, thread.thread == resilient.id());
    }
    validator_.Failed(resilient, a, FailReason::kDeadlock);
    validator_.Release(resilient, b, Site());
    validator_.Acquired(timed, b);
    validator_.Release(timed, b, Site());
    validator_.Release(timed, a, Site());
  }
}

TEST_F(LiveWaitsTest, OfTimedWaitersOnlyTheNewestIsNamed) {
  const auto [first, second, a, b] = TwoOfEach();
  Acquire(first, a);
  Acquire(second, b);
  WaitForATime(first, b);
  WaitForATime(second, a);
  EXPECT_EQ(Rings(), Ids{FindingId::kResilientDeadlock});
  for (const FindingThread& thread : sink_.findings.back().threads) {
    EXPECT_EQ(thread.gives_way, thread.thread == second.id());
  }
}

}  // namespace
}  // namespace rqlockdep
