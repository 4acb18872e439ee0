// The validator as an object: what traces cannot say (order functions, evidence, memory, scale).
#include "validator/validator.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace rqlockdep {
namespace {

class CountingEnvironment : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t, uintptr_t) override {
    ++stacks;
    frames[0] = 0x1000 + stacks;
    return 1;
  }
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    const auto* lock_class = static_cast<const LockClass*>(map.key());
    return {ClassKey::Type::kExplicit, reinterpret_cast<uintptr_t>(lock_class), lock_class->name(),
            lock_class->order()};
  }
  void Warn(const char* message) override { warnings.emplace_back(message); }

  uintptr_t stacks = 0;
  std::vector<std::string> warnings;
};

class CollectingSink : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override { findings.push_back(finding); }
  std::vector<Finding> findings;
};

class ValidatorTest : public ::testing::Test {
 protected:
  // A lock of `lock_class`, at an address of its own.
  hooks::LockMap& Lock(const LockClass& lock_class, LockKind kind = LockKind::kMutex) {
    return maps_.emplace_back(kind, lock_class);
  }
  // A lock of a class of its own.
  hooks::LockMap& Lock(LockKind kind = LockKind::kMutex) {
    return Lock(classes_.emplace_back("class"), kind);
  }
  ThreadState& Thread() { return *validator_.NewThread(); }

  static CallSite Site(uintptr_t at) {
    CallSite site;
    site.frames[0] = at;
    return site;
  }
  void Acquire(ThreadState& thread, hooks::LockMap& lock, Strength strength = Strength::kBlocking) {
    hooks::AcquireArguments arguments;
    arguments.strength = strength;
    validator_.Acquire(thread, lock, arguments, Site(++site_));
  }
  void Release(ThreadState& thread, hooks::LockMap& lock) {
    validator_.Release(thread, lock, Site(++site_));
  }
  void Nest(ThreadState& thread, hooks::LockMap& outer, hooks::LockMap& inner) {
    Acquire(thread, outer);
    Acquire(thread, inner);
    Release(thread, inner);
    Release(thread, outer);
  }
  const std::vector<Finding>& findings() const { return sink_.findings; }

  CountingEnvironment environment_;
  CollectingSink sink_;
  Validator validator_{environment_, sink_, Validator::Options()};
  std::deque<LockClass> classes_;
  std::deque<hooks::LockMap> maps_;
  uintptr_t site_ = 0;
};

TEST_F(ValidatorTest, AKnownOrderTakesNoStackAndFindsNothing) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Nest(thread, a, b);
  const uintptr_t stacks = environment_.stacks;
  for (int i = 0; i < 100; ++i) Nest(thread, a, b);
  EXPECT_EQ(environment_.stacks, stacks);
  EXPECT_TRUE(findings().empty());
}

// The thread may have been changing its tables when the process forked.
TEST_F(ValidatorTest, Bug_ChildOfAForkUsedTheTablesOfAThreadThatTheForkInterrupted) {
  ThreadState& ended = Thread();
  validator_.EndThread(ended);
  ThreadState& forks = *validator_.NewThread();
  ASSERT_EQ(&forks, &ended) << "an ended thread's state is used again";
  ThreadState& vanished = Thread();
  ThreadState& ended_with_lock = Thread();
  Acquire(ended_with_lock, Lock());
  validator_.EndThread(ended_with_lock);
  Acquire(vanished, Lock());
  validator_.ForgetOtherThreads(&forks);
  EXPECT_EQ(vanished.held.depth(), 0U);
  EXPECT_EQ(validator_.NewThread(), &ended_with_lock);
  EXPECT_NE(validator_.NewThread(), &vanished);
}

// Whoever tests a program wants each test to begin without what the one before had seen.
TEST_F(ValidatorTest, ResetBetweenTests) {
  const LockClass& first = classes_.emplace_back("first");
  const LockClass& second = classes_.emplace_back("second");
  for (const bool swapped : {false, true}) {
    Validator validator(environment_, sink_, Validator::Options());
    ThreadState& thread = *validator.NewThread();
    hooks::LockMap& outer = Lock(swapped ? second : first);
    hooks::LockMap& inner = Lock(swapped ? first : second);
    for (hooks::LockMap* lock : {&outer, &inner}) validator.Acquire(thread, *lock, {}, Site(1));
    for (hooks::LockMap* lock : {&inner, &outer}) validator.Release(thread, *lock, Site(2));
  }
  EXPECT_TRUE(findings().empty());
  Nest(Thread(), Lock(first), Lock(second));
  Nest(Thread(), Lock(second), Lock(first));
  EXPECT_EQ(findings().size(), 1U);
}

TEST_F(ValidatorTest, TheEdgesOfACycleTellWhoHeldAndAskedWhere) {
  ThreadState& first = Thread();
  ThreadState& second = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Acquire(first, a);
  const uintptr_t a_taken_at = site_;
  Acquire(first, b);
  Release(first, b);
  Release(first, a);
  Nest(second, b, a);
  ASSERT_EQ(findings().size(), 1U);
  const Finding& finding = findings()[0];
  EXPECT_EQ(finding.id, FindingId::kCircularDependency);
  EXPECT_EQ(finding.confidence, Confidence::kWitnessed);
  EXPECT_TRUE(finding.linked);
  ASSERT_EQ(finding.edges.size(), 2U);
  // The newest first.
  EXPECT_EQ(finding.edges[0].thread, second.id());
  EXPECT_EQ(finding.edges[0].held.instance, &b);
  EXPECT_EQ(finding.edges[0].asked.instance, &a);
  EXPECT_EQ(finding.edges[1].thread, first.id());
  EXPECT_EQ(finding.edges[1].held.instance, &a);
  EXPECT_EQ(finding.edges[1].held.site.frames[0], a_taken_at);
  EXPECT_NE(finding.edges[1].held.stack, kNoStack);
  EXPECT_NE(finding.edges[1].asked.stack, kNoStack);
  ASSERT_EQ(finding.held.size(), 1U);
  EXPECT_EQ(finding.held[0].instance, &b);
}

TEST_F(ValidatorTest, OneThreadMakesASingleThreadCycle) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Nest(thread, a, b);
  Nest(thread, b, a);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].confidence, Confidence::kSingleThread);
}

TEST_F(ValidatorTest, TwoThreadsDoNotWitnessARingOfThree) {
  ThreadState& first = Thread();
  ThreadState& second = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  hooks::LockMap& c = Lock();
  Nest(first, a, b);
  Nest(first, b, c);
  Nest(second, c, a);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].confidence, Confidence::kFewThreads);
}

TEST_F(ValidatorTest, OtherInstancesDoNotLinkACycle) {
  const LockClass& class_a = classes_.emplace_back("a");
  const LockClass& class_b = classes_.emplace_back("b");
  ThreadState& first = Thread();
  ThreadState& second = Thread();
  Nest(first, Lock(class_a), Lock(class_b));
  Nest(second, Lock(class_b), Lock(class_a));
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_FALSE(findings()[0].linked);
}

TEST_F(ValidatorTest, ACycleIsReportedOnceWhoeverMakesItAgain) {
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  for (int i = 0; i < 5; ++i) {
    ThreadState& thread = Thread();
    Nest(thread, a, b);
    Nest(thread, b, a);
  }
  EXPECT_EQ(findings().size(), 1U);
}

// A lock that a thread takes again as it had it last is not judged again, unless what it stands on
// has become something else.
TEST_F(ValidatorTest, ALockIsJudgedAgainOnAnotherLock) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  hooks::LockMap& c = Lock();
  for (int i = 0; i < 3; ++i) Nest(thread, a, b);
  Nest(thread, c, b);
  EXPECT_TRUE(findings().empty());
  Nest(thread, b, c);
  EXPECT_EQ(findings().size(), 1);
}

TEST_F(ValidatorTest, ALockIsJudgedAgainWithoutItsGuard) {
  ThreadState& thread = Thread();
  hooks::LockMap& guard = Lock();
  hooks::LockMap& b = Lock();
  hooks::LockMap& c = Lock();
  hooks::LockMap& d = Lock();
  for (int i = 0; i < 3; ++i) {
    Acquire(thread, guard);
    Acquire(thread, b);
    Nest(thread, c, d);
    Release(thread, b);
    Release(thread, guard);
  }
  Acquire(thread, guard);
  Acquire(thread, b);
  Acquire(thread, c);
  Release(thread, guard);
  for (int i = 0; i < 3; ++i) {
    Acquire(thread, d);
    Release(thread, d);
  }
  Release(thread, c);
  Acquire(thread, c);  // for the first time without the guard
  Release(thread, c);
  Release(thread, b);
  EXPECT_TRUE(findings().empty());
  Acquire(thread, guard);
  Nest(thread, c, b);
  EXPECT_EQ(findings().size(), 1);
  Release(thread, guard);
}

TEST_F(ValidatorTest, ALockIsJudgedAgainAfterAnUnmask) {
  ThreadState& thread = Thread();
  hooks::LockMap& lock = Lock(LockKind::kRawSpinlock);
  validator_.EnterContext(thread, ContextKind::kHard);
  Acquire(thread, lock);
  Release(thread, lock);
  validator_.LeaveContext(thread, Site(1));
  validator_.MaskContext(thread, ContextKind::kHard);
  for (int i = 0; i < 3; ++i) {
    Acquire(thread, lock);
    Release(thread, lock);
  }
  validator_.UnmaskContext(thread, ContextKind::kHard);
  EXPECT_TRUE(findings().empty());
  Acquire(thread, lock);
  EXPECT_EQ(findings().size(), 1);
  Release(thread, lock);
}

// The chain of the classes is known; that the lock is held is another matter.
TEST_F(ValidatorTest, ALockIsSeenToBeHeldWhereAnotherOfItsClassWasHeld) {
  ThreadState& thread = Thread();
  constinit static LockClass lock_class("class");
  hooks::LockMap& a = Lock(lock_class);
  hooks::LockMap& b = Lock(lock_class);
  const auto nest_timed = [&](hooks::LockMap& outer, hooks::LockMap& inner) {
    Acquire(thread, outer, Strength::kTimed);
    Acquire(thread, inner, Strength::kTimed);
    Release(thread, inner);
    Release(thread, outer);
  };
  for (int i = 0; i < 5; ++i) nest_timed(a, b);
  for (int i = 0; i < 5; ++i) nest_timed(b, a);
  EXPECT_TRUE(findings().empty());
  nest_timed(b, b);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kRecursiveLocking);
}

TEST_F(ValidatorTest, ALockIsSeenToBeHeldWithAnotherSubclass) {
  ThreadState& thread = Thread();
  constinit static LockClass lock_class("class");
  hooks::LockMap& a = Lock(lock_class);
  hooks::LockMap& b = Lock(lock_class);
  hooks::AcquireArguments subclass;
  subclass.subclass = 1;
  const auto nest = [&](hooks::LockMap& outer, hooks::LockMap& inner) {
    validator_.Acquire(thread, outer, subclass, Site(++site_));
    Acquire(thread, inner);
    Release(thread, inner);
    Release(thread, outer);
  };
  for (int i = 0; i < 5; ++i) nest(a, b);
  EXPECT_TRUE(findings().empty());
  nest(b, b);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kRecursiveLocking);
}

TEST_F(ValidatorTest, AnOrderFunctionIsAskedEveryTime) {
  // By address: the deque's elements are not in address order everywhere, so compare them here.
  const LockClass& ordered = classes_.emplace_back(
      "ordered", +[](const void* held, const void* asked) { return held < asked; });
  hooks::LockMap* low = &Lock(ordered);
  hooks::LockMap* high = &Lock(ordered);
  if (high < low) std::swap(low, high);
  ThreadState& thread = Thread();
  for (int i = 0; i < 3; ++i) Nest(thread, *low, *high);
  EXPECT_TRUE(findings().empty());
  // The same classes in the same order: only the order function tells the difference.
  Nest(thread, *high, *low);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kRecursiveLocking);
  EXPECT_EQ(findings()[0].detail, FindingDetail::kSameClass);
}

// Of two nest locks of one class the one that excuses a part was taken for the one that excuses
// nothing, so the class that locks of this class nest under was not learned.
TEST_F(ValidatorTest, Bug_ANestLockWasTakenForAnotherOfItsClass) {
  const LockClass& nested = classes_.emplace_back("nested");
  const LockClass& nest = classes_.emplace_back("nest");
  hooks::LockMap& outer = Lock(nested);
  hooks::LockMap& middle = Lock(nested);
  hooks::LockMap& inner = Lock(nested);
  hooks::LockMap& first_nest = Lock(nest);
  hooks::LockMap& second_nest = Lock(nest);
  hooks::LockMap& other_nest = Lock();
  ThreadState& thread = Thread();
  const auto acquire_under = [&](hooks::LockMap& lock, hooks::LockMap& nest_lock) {
    validator_.Acquire(thread, lock, {.nest = &nest_lock}, Site(++site_));
  };
  Acquire(thread, outer);
  for (hooks::LockMap* lock : {&first_nest, &middle, &second_nest}) {
    validator_.TryAcquire(thread, *lock, {}, /*got_it=*/true, Site(++site_));
  }
  acquire_under(inner, second_nest);  // which excuses neither outer nor middle
  EXPECT_EQ(findings().size(), 1U);
  Release(thread, inner);
  acquire_under(inner, first_nest);  // which excuses middle
  EXPECT_EQ(findings().size(), 2U);
  for (hooks::LockMap* lock : {&inner, &second_nest, &middle, &first_nest, &outer}) {
    Release(thread, *lock);
  }
  Acquire(thread, other_nest);
  Acquire(thread, outer);
  acquire_under(inner, other_nest);
  ASSERT_EQ(findings().size(), 3U);
  for (const Finding& finding : findings()) EXPECT_EQ(finding.id, FindingId::kRecursiveLocking);
}

TEST_F(ValidatorTest, FreedMemoryWithAHeldLockIsFoundInWhateverThread) {
  ThreadState& owner = Thread();
  ThreadState& other = Thread();
  hooks::LockMap& a = Lock();
  Acquire(owner, a);
  validator_.MemoryFreed(other, &a - 1, sizeof(a), Site(++site_));
  EXPECT_TRUE(findings().empty());
  validator_.MemoryFreed(other, &a, sizeof(a), Site(++site_));
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kHeldLockDestroyed);
  EXPECT_EQ(findings()[0].detail, FindingDetail::kMemoryFreed);
  EXPECT_EQ(findings()[0].other_thread, owner.id());
}

TEST_F(ValidatorTest, AWrongReleaseSaysWhatIsWrong) {
  ThreadState& owner = Thread();
  ThreadState& other = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock(LockKind::kRqspinlock);
  Release(other, a);
  Acquire(owner, a);
  Release(other, a);
  Acquire(other, b, Strength::kResilient);
  validator_.Failed(other, b, FailReason::kTimedOut);
  Release(other, b);
  ASSERT_EQ(findings().size(), 3U);
  EXPECT_EQ(findings()[0].detail, FindingDetail::kNotHeld);
  EXPECT_EQ(findings()[1].detail, FindingDetail::kHeldByOther);
  EXPECT_EQ(findings()[1].other_thread, owner.id());
  EXPECT_EQ(findings()[2].detail, FindingDetail::kAcquisitionFailed);
  EXPECT_EQ(findings()[2].fail_reason, FailReason::kTimedOut);
  // The tables are sound: the owner still holds a.
  Release(owner, a);
  EXPECT_EQ(findings().size(), 3U);
}

TEST_F(ValidatorTest, CountsWhatItDoesNotReport) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock(LockKind::kRqspinlock);
  hooks::LockMap& b = Lock(LockKind::kRqspinlock);
  for (auto [outer, inner] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    Acquire(thread, *outer, Strength::kResilient);
    Acquire(thread, *inner, Strength::kResilient);
    Release(thread, *inner);
    Release(thread, *outer);
  }
  EXPECT_TRUE(findings().empty());
  EXPECT_EQ(validator_.cycle_statistics().intended, 1U);
  hooks::LockMap& gate = Lock();
  hooks::LockMap& c = Lock();
  hooks::LockMap& d = Lock();
  Acquire(thread, gate);
  Nest(thread, c, d);
  Nest(thread, d, c);
  Release(thread, gate);
  EXPECT_TRUE(findings().empty());
  EXPECT_EQ(validator_.cycle_statistics().gated, 1U);
}

TEST_F(ValidatorTest, AThousandFindingsAndItGoesOn) {
  ThreadState& thread = Thread();
  for (int i = 0; i < 1000; ++i) {
    hooks::LockMap& a = Lock();
    hooks::LockMap& b = Lock();
    Nest(thread, a, b);
    Nest(thread, b, a);
  }
  EXPECT_EQ(findings().size(), 1000U);
  EXPECT_TRUE(environment_.warnings.empty());
}

TEST_F(ValidatorTest, ARingOfAHundred) {
  ThreadState& thread = Thread();
  std::vector<hooks::LockMap*> ring;
  for (int i = 0; i < 100; ++i) ring.push_back(&Lock());
  for (size_t i = 0; i + 1 < ring.size(); ++i) Nest(thread, *ring[i], *ring[i + 1]);
  EXPECT_TRUE(findings().empty());
  Nest(thread, *ring.back(), *ring.front());
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].edges.size(), 100U);
}

TEST_F(ValidatorTest, ThreeThousandLocksHeldAtOnce) {
  // Of one class, so that the graph stays small: it is the held stack that is tried here.
  const LockClass& many = classes_.emplace_back(
      "many", +[](const void*, const void*) { return true; });
  ThreadState& thread = Thread();
  std::vector<hooks::LockMap*> locks;
  for (int i = 0; i < 3000; ++i) locks.push_back(&Lock(many));
  for (hooks::LockMap* lock : locks) Acquire(thread, *lock, Strength::kTimed);
  EXPECT_EQ(thread.held.depth(), 3000U);
  for (hooks::LockMap* lock : locks) Release(thread, *lock);
  EXPECT_EQ(thread.held.depth(), 0U);
  EXPECT_TRUE(findings().empty());
}

TEST_F(ValidatorTest, ThreadsThatComeAndGoReuseTheirStates) {
  hooks::LockMap& a = Lock();
  for (int i = 0; i < 10000; ++i) {
    ThreadState& thread = Thread();
    Acquire(thread, a);
    Release(thread, a);
    validator_.EndThread(thread);
  }
  int states = 0;
  for (ThreadState* t = validator_.threads(); t != nullptr; t = t->next) ++states;
  EXPECT_EQ(states, 1);
  EXPECT_TRUE(findings().empty());
}

TEST_F(ValidatorTest, AThreadThatEndsWithALockKeepsIt) {
  ThreadState& thread = Thread();
  hooks::LockMap& a = Lock();
  Acquire(thread, a);
  validator_.EndThread(thread);
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kHeldAtExit);
  EXPECT_EQ(findings()[0].detail, FindingDetail::kThreadExit);
  ThreadState& other = Thread();
  EXPECT_NE(&other, &thread);
  validator_.Destroy(other, a, Site(++site_));
  ASSERT_EQ(findings().size(), 2U);
  EXPECT_EQ(findings()[1].id, FindingId::kHeldLockDestroyed);
}

TEST_F(ValidatorTest, MaxStepsWarnsOnceAndValidationGoesOn) {
  Validator::Options options;
  options.max_steps = 50;
  Validator validator(environment_, sink_, options);
  ThreadState& thread = *validator.NewThread();
  const auto nest = [&](hooks::LockMap& outer, hooks::LockMap& inner) {
    validator.Acquire(thread, outer, {}, Site(++site_));
    validator.Acquire(thread, inner, {}, Site(++site_));
    validator.Release(thread, inner, Site(++site_));
    validator.Release(thread, outer, Site(++site_));
  };
  // Layers with all edges from each to the next, from the last back to the start and from there to
  // the first layer; the latter two under one gate, so that none of the many cycles is possible.
  // The edges between the first layers come last: from there it is a long way to the gate.
  hooks::LockMap& gate = Lock();
  hooks::LockMap& start = Lock();
  constexpr int kLayers = 5;
  std::vector<std::vector<hooks::LockMap*>> layers(kLayers);
  for (auto& layer : layers) {
    for (int i = 0; i < 4; ++i) layer.push_back(&Lock());
  }
  validator.Acquire(thread, gate, {}, Site(++site_));
  for (hooks::LockMap* lock : layers.front()) nest(start, *lock);
  for (hooks::LockMap* lock : layers.back()) nest(*lock, start);
  validator.Release(thread, gate, Site(++site_));
  for (int i = kLayers - 1; i > 0; --i) {
    for (hooks::LockMap* from : layers[i - 1]) {
      for (hooks::LockMap* to : layers[i]) nest(*from, *to);
    }
  }
  EXPECT_EQ(environment_.warnings.size(), 1U);
  const size_t before = findings().size();
  hooks::LockMap& x = Lock();
  hooks::LockMap& y = Lock();
  nest(x, y);
  nest(y, x);
  EXPECT_EQ(findings().size(), before + 1);
}

TEST_F(ValidatorTest, ManyThreadsAtOnce) {
  // For the thread sanitizer above all. The findings: one cycle, made by all of them.
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  std::vector<hooks::LockMap*> own;
  for (int i = 0; i < 4; ++i) own.push_back(&Lock());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      ThreadState& thread = *validator_.NewThread();
      for (int round = 0; round < 200; ++round) {
        const CallSite site = Site(0x100 + static_cast<uintptr_t>(i));
        validator_.Acquire(thread, *own[i], {}, site);
        validator_.Acquire(thread, round % 2 == 0 ? a : b, {}, site);
        validator_.Acquire(thread, round % 2 == 0 ? b : a, {}, site);
        validator_.Release(thread, a, site);
        validator_.Release(thread, b, site);
        validator_.Release(thread, *own[i], site);
      }
      validator_.EndThread(thread);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(findings().size(), 1U);
  EXPECT_EQ(findings()[0].id, FindingId::kCircularDependency);
}

}  // namespace
}  // namespace rqlockdep
