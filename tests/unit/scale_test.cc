// The validator with very many classes, edges, locks held and threads. The sizes of the long test,
// which the tag ci_long names, are ten times those of the default run.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/reference/seeded_random.h"
#include "tests/support/resident_memory.h"
#include "tests/support/uneventful_validator.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

#if defined(RQLOCKDEP_LONG_TEST)
constexpr int kScale = 10;
#else
constexpr int kScale = 1;
#endif

// All stacks are alike: what is tried here is the graph.
class ManyClasses : public OneStack {
 public:
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    ClassKey key = OneStack::ResolveClass(map);
    if (key.address == kOrdered) key.order = +[](const void*, const void*) { return true; };
    return key;
  }
  void Warn(const char* message) override { warnings.emplace_back(message); }

  // A class within which everything may nest.
  static constexpr uintptr_t kOrdered = 8;
  std::vector<std::string> warnings;
};

class CountingSink : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override { ids.push_back(finding.id); }
  std::vector<FindingId> ids;
};

class ScaleTest : public ::testing::Test {
 protected:
  // `count` locks; lock i is of class 16 * (i % classes + 1).
  void MakeLocks(size_t count, size_t classes) {
    storage_.resize(count * sizeof(hooks::LockMap));
    locks_.clear();
    for (size_t i = 0; i < count; ++i) {
      auto* map = new (storage_.data() + i * sizeof(hooks::LockMap))
          hooks::LockMap(LockKind::kMutex, any_class_);
      map->SetKey(hooks::LockMap::KeyType::kSite,
                  reinterpret_cast<const void*>(16 * (i % classes + 1)));
      locks_.push_back(map);
    }
  }
  void Acquire(ThreadState& thread, size_t i, Strength strength = Strength::kBlocking) {
    hooks::AcquireArguments arguments;
    arguments.strength = strength;
    validator_->Acquire(thread, *locks_[i], arguments, site_);
  }
  void Release(ThreadState& thread, size_t i) { validator_->Release(thread, *locks_[i], site_); }
  void Nest(ThreadState& thread, size_t outer, size_t inner) {
    Acquire(thread, outer);
    Acquire(thread, inner);
    Release(thread, inner);
    Release(thread, outer);
  }
  // That it still finds what is wrong, with two locks that were not in order yet.
  void ExpectItStillFinds(ThreadState& thread, size_t a, size_t b) {
    const size_t before = sink_.ids.size();
    Nest(thread, a, b);
    Nest(thread, b, a);
    ASSERT_EQ(sink_.ids.size(), before + 1);
    EXPECT_EQ(sink_.ids.back(), FindingId::kCircularDependency);
  }

  const LockClass any_class_{"any"};
  ManyClasses environment_;
  CountingSink sink_;
  std::unique_ptr<Validator> validator_ =
      std::make_unique<Validator>(environment_, sink_, Validator::Options());
  const CallSite site_ = {{1}};
  std::vector<std::byte> storage_;
  std::vector<hooks::LockMap*> locks_;
};

TEST_F(ScaleTest, ManyClassesAndTenTimesAsManyEdges) {
  constexpr size_t kClasses = 10'000 * kScale;
  constexpr size_t kEdges = 10 * kClasses;
  MakeLocks(kClasses + 2, kClasses + 2);
  ThreadState& thread = *validator_->NewThread();
  // Along a hidden order, which is not that in which the classes turn up.
  std::vector<size_t> order(kClasses);
  for (size_t i = 0; i < kClasses; ++i) order[i] = i;
  SeededRandom random(1);
  for (size_t i = kClasses; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.Below(static_cast<int>(i)))]);
  }
  while (validator_->graph().edge_count() < kEdges) {
    const auto a = static_cast<size_t>(random.Below(kClasses));
    const auto b = static_cast<size_t>(random.Below(kClasses));
    if (a != b) Nest(thread, order[std::min(a, b)], order[std::max(a, b)]);
  }
  EXPECT_EQ(sink_.ids.size(), 0U);
  EXPECT_EQ(validator_->graph().class_count(), kClasses);
  EXPECT_TRUE(validator_->graph().components().IsConsistent());
  EXPECT_TRUE(environment_.warnings.empty());
  // A cycle of two among them all, and one far away from them.
  const size_t before = sink_.ids.size();
  Nest(thread, order[kClasses - 1], order[0]);
  EXPECT_EQ(sink_.ids.size(), before + 1);
  ExpectItStillFinds(thread, kClasses, kClasses + 1);
}

TEST_F(ScaleTest, ThousandsOfLocksHeldOfOneClass) {
  constexpr size_t kHeld = 1'000 * kScale;
  MakeLocks(kHeld + 2, kHeld + 2);
  for (size_t i = 0; i < kHeld; ++i) {
    locks_[i]->SetKey(hooks::LockMap::KeyType::kSite,
                      reinterpret_cast<const void*>(ManyClasses::kOrdered));
  }
  ThreadState& thread = *validator_->NewThread();
  for (size_t i = 0; i < kHeld; ++i) Acquire(thread, i, Strength::kTimed);
  EXPECT_EQ(thread.held.depth(), kHeld);
  ExpectItStillFinds(thread, kHeld, kHeld + 1);
  // The oldest first, which is the hardest.
  for (size_t i = 0; i < kHeld; ++i) Release(thread, i);
  EXPECT_EQ(thread.held.depth(), 0U);
  EXPECT_EQ(sink_.ids.size(), 1U);
}

TEST_F(ScaleTest, ThousandsOfLocksHeldOfManyClasses) {
  constexpr size_t kHeld = 1'000 * kScale;
  constexpr size_t kClasses = kHeld / 10;
  MakeLocks(kHeld, kClasses);
  ThreadState& thread = *validator_->NewThread();
  // Resilient, so that neither the classes' order nor a second lock of a class is wrong.
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < kHeld; ++i) Acquire(thread, i, Strength::kResilient);
    EXPECT_EQ(thread.held.depth(), kHeld);
    for (size_t i = kHeld; i-- > 0;) Release(thread, i);
  }
  EXPECT_EQ(validator_->graph().edge_count(), kClasses * (kClasses - 1));
  EXPECT_EQ(sink_.ids.size(), 0U);
  EXPECT_TRUE(environment_.warnings.empty());
}

TEST_F(ScaleTest, ThousandsOfLocksHeldOfAsManyClasses) {
  // An edge from each to each: a quarter of the square of ten thousand is as much as is bearable.
  constexpr size_t kHeld = 500 * kScale;
  MakeLocks(kHeld, kHeld);
  ThreadState& thread = *validator_->NewThread();
  for (size_t i = 0; i < kHeld; ++i) Acquire(thread, i);
  EXPECT_EQ(validator_->graph().edge_count(), kHeld * (kHeld - 1) / 2);
  EXPECT_EQ(sink_.ids.size(), 0U);
  // In the other direction it is an error, whatever else is held.
  for (size_t i = 0; i < kHeld; ++i) Release(thread, i);
  Nest(thread, kHeld - 1, 0);
  EXPECT_EQ(sink_.ids.size(), 1U);
}

TEST_F(ScaleTest, ThousandsOfFindings) {
  constexpr size_t kFindings = 1'000 * kScale;
  MakeLocks(2 * kFindings + 2, 2 * kFindings + 2);
  ThreadState& thread = *validator_->NewThread();
  for (size_t i = 0; i < kFindings; ++i) {
    Nest(thread, 2 * i, 2 * i + 1);
    Nest(thread, 2 * i + 1, 2 * i);
  }
  EXPECT_EQ(sink_.ids.size(), kFindings);
  ExpectItStillFinds(thread, 2 * kFindings, 2 * kFindings + 1);
  EXPECT_TRUE(environment_.warnings.empty());
}

TEST_F(ScaleTest, ThreadsThatComeAndGoLeakNothing) {
  constexpr size_t kThreads = 10'000 * kScale;
  constexpr size_t kLocks = 20;
  MakeLocks(kLocks, kLocks);
  double early = 0;
  for (size_t i = 0; i < kThreads; ++i) {
    // Two at once, so that it is not one state over and over.
    ThreadState& first = *validator_->NewThread();
    ThreadState& second = *validator_->NewThread();
    for (size_t lock = 0; lock < kLocks; ++lock) {
      Acquire(first, lock);
      if (lock % 2 == 0) Acquire(second, lock);
    }
    for (size_t lock = 0; lock < kLocks; ++lock) {
      Release(first, lock);
      if (lock % 2 == 0) Release(second, lock);
    }
    validator_->EndThread(second);
    validator_->EndThread(first);
    if (i == kThreads / 10) early = ResidentBytes();
  }
  size_t states = 0;
  for (ThreadState* t = validator_->threads(); t != nullptr; t = t->next) ++states;
  EXPECT_EQ(states, 2U);
  EXPECT_EQ(sink_.ids.size(), 0U);
  // No leak could be smaller.
  EXPECT_LT(ResidentBytes() - early, 8 * kThreads);
}

}  // namespace
}  // namespace rqlockdep
