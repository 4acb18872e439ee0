// Rings of waiting threads as the validator sees them while threads run: what the moves of one
// thread after another show. tests/runtime/live_deadlock_test.cc does the same with real threads.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "validator/validator.h"

namespace rqlockdep {
namespace {

class RestingEnvironment : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t, uintptr_t caller) override {
    frames[0] = caller;
    return 1;
  }
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    const auto* lock_class = static_cast<const LockClass*>(map.key());
    return {ClassKey::Type::kExplicit, reinterpret_cast<uintptr_t>(lock_class), lock_class->name(),
            lock_class->order()};
  }
  void Warn(const char*) override {}
  void Rest() override {
    ++rests;
    if (meanwhile) meanwhile(rests);
  }

  int rests = 0;
  std::function<void(int)> meanwhile;  // what other threads do
};

class CollectingSink : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override { findings.push_back(finding); }
  std::vector<Finding> findings;
};

class LiveWaitsTest : public ::testing::Test {
 protected:
  hooks::LockMap& Lock(LockKind kind = LockKind::kMutex) {
    return maps_.emplace_back(kind, classes_.emplace_back("class"));
  }
  ThreadState& Thread() { return *validator_.NewThread(); }

  struct Cast {
    ThreadState& first;
    ThreadState& second;
    hooks::LockMap& a;
    hooks::LockMap& b;
  };
  Cast TwoOfEach() { return {Thread(), Thread(), Lock(), Lock()}; }

  void Acquire(ThreadState& thread, hooks::LockMap& lock, LockMode mode = LockMode::kExclusive) {
    hooks::AcquireArguments arguments;
    arguments.mode = mode;
    arguments.strength = Strength::kBlocking;
    if (lock.kind() == LockKind::kRqspinlock) arguments.strength = Strength::kResilient;
    validator_.Acquire(thread, lock, arguments, Site());
  }
  // Asks for a lock that is taken.
  bool Wait(ThreadState& thread, hooks::LockMap& lock, LockMode mode = LockMode::kExclusive) {
    Acquire(thread, lock, mode);
    return validator_.Waiting(thread, lock, &Tell, &told_[&thread], Site());
  }
  // The same with a limit. Nobody can tell it to give way before.
  void WaitForATime(ThreadState& thread, hooks::LockMap& lock) {
    validator_.Acquire(thread, lock, {.strength = Strength::kTimed}, Site());
    validator_.Waiting(thread, lock, nullptr, nullptr, Site());
  }
  static void Tell(void* told) { ++*static_cast<int*>(told); }
  CallSite Site() { return {{++site_}}; }

  // Ids of live deadlocks.
  std::vector<FindingId> Rings() const {
    std::vector<FindingId> ids;
    for (const Finding& finding : sink_.findings) {
      if (!finding.threads.empty()) ids.push_back(finding.id);
    }
    return ids;
  }
  std::vector<ThreadId> MembersOfLastRing() const {
    std::vector<ThreadId> members;
    for (const FindingThread& thread : sink_.findings.back().threads) {
      members.push_back(thread.thread);
    }
    return members;
  }
  using Ids = std::vector<FindingId>;

  RestingEnvironment environment_;
  CollectingSink sink_;
  Validator validator_{environment_, sink_, {.live = true}};
  std::deque<LockClass> classes_;
  std::deque<hooks::LockMap> maps_;
  std::map<ThreadState*, int> told_;
  uintptr_t site_ = 0;
};

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

// --- doubtful evidence ---

struct ReaderBehindWriter {
  ThreadState& reader;  // holds a lock for which `holder` waits, and asks for `shared`
  ThreadState& writer;  // asks for `shared`, before it
  ThreadState& holder;  // holds `shared` as a reader
  hooks::LockMap& shared;
  hooks::LockMap& other;
};

TEST_F(LiveWaitsTest, AReaderBehindAWriterIsBelievedWhenItLasts) {
  ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
  Acquire(ring.reader, ring.other);
  Acquire(ring.holder, ring.shared, LockMode::kReader);
  Wait(ring.writer, ring.shared);
  Wait(ring.reader, ring.shared, LockMode::kReader);
  EXPECT_EQ(Rings(), Ids{});
  Wait(ring.holder, ring.other);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(environment_.rests, 24);
  EXPECT_EQ(MembersOfLastRing(),
            (std::vector<ThreadId>{ring.holder.id(), ring.reader.id(), ring.writer.id()}));
}

TEST_F(LiveWaitsTest, AReaderThatGetsPastTheWriterWasNoRing) {
  for (const int after : {1, 2, 24}) {
    ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
    environment_.rests = 0;
    environment_.meanwhile = [&](int rest) {
      if (rest == after) validator_.Acquired(ring.reader, ring.shared);
    };
    Acquire(ring.reader, ring.other);
    Acquire(ring.holder, ring.shared, LockMode::kReader);
    Wait(ring.writer, ring.shared);
    Wait(ring.reader, ring.shared, LockMode::kReader);
    Wait(ring.holder, ring.other);
    EXPECT_EQ(Rings(), Ids{}) << after;
    EXPECT_EQ(environment_.rests, after);
  }
}

// The bug: it rested up to a hundred times before its limit began to count, if one doubtful ring
// came after another.
TEST_F(LiveWaitsTest, ABoundedWaiterIsNotKeptForLongerThanOneDoubtfulRingNeeds) {
  for (const bool bounded : {true, false}) {
    ThreadState& last = Thread();
    ThreadState& other = Thread();
    ReaderBehindWriter ring{Thread(), Thread(), last, Lock(LockKind::kRwsem),
                            Lock(LockKind::kRwsem)};
    ThreadState& second = Thread();
    hooks::LockMap& doubted = Lock();
    Acquire(ring.reader, ring.other, LockMode::kReader);
    Acquire(second, ring.other, LockMode::kReader);
    Acquire(last, ring.shared, LockMode::kReader);
    Acquire(last, doubted);
    validator_.Release(other, doubted, Site());
    Acquire(other, doubted);
    Wait(ring.writer, ring.shared);
    Wait(ring.reader, ring.shared, LockMode::kReader);
    Wait(second, doubted);
    environment_.rests = 0;
    environment_.meanwhile = [&](int rest) {
      // The one through `second` may be a ring from here on,
      if (rest == 10) validator_.Release(other, doubted, Site());
      // and the one through `reader` is none any more.
      if (rest == 20) validator_.Acquired(ring.reader, ring.shared);
    };
    if (bounded) {
      WaitForATime(last, ring.other);
      EXPECT_EQ(Rings(), Ids{});
      EXPECT_EQ(environment_.rests, 24);
    } else {
      Wait(last, ring.other);
      EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
      EXPECT_EQ(environment_.rests, 34);
    }
  }
}

// A reader that came before the writer does not wait for it.
TEST_F(LiveWaitsTest, AReaderBeforeAWriterIsNoRing) {
  ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
  Acquire(ring.reader, ring.other);
  Acquire(ring.holder, ring.shared, LockMode::kReader);
  Wait(ring.reader, ring.shared, LockMode::kReader);
  Wait(ring.writer, ring.shared);
  Wait(ring.holder, ring.other);
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_EQ(environment_.rests, 0);
}

// A lock that another thread gave back, and a third has now: the record of the first is wrong.
TEST_F(LiveWaitsTest, ARecordOfALockThatAnotherThreadGaveBackIsDoubted) {
  ThreadState& first = Thread();
  ThreadState& waiter = Thread();
  ThreadState& holder = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Acquire(first, a);
  Acquire(first, Lock());
  validator_.Release(holder, a, Site());
  Acquire(holder, a);
  Acquire(waiter, b);
  Wait(waiter, a);
  Wait(first, b);
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_EQ(environment_.rests, 0);
}

// --- signal handlers ---

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
