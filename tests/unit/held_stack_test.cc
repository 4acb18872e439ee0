// The held stack against a plain list of what is held.
#include "validator/core/held_stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "tests/reference/seeded_random.h"

namespace rqlockdep {
namespace {

constinit LockClass kClass("class");

class HeldStackTest : public ::testing::Test {
 protected:
  explicit HeldStackTest(int locks = 100) {
    for (int i = 0; i < locks; ++i) maps_.emplace_back(LockKind::kMutex, kClass);
  }

  void Push(int lock) {
    HeldLock* record = stack_.Push(&maps_[lock]);
    ASSERT_NE(record, nullptr);
    record->context = ++pushes_;
    record->SetFacts(pushes_);
    stack_.PublishPushed(*record);
    model_.push_back({lock, pushes_});
  }
  void Remove(size_t index) {
    stack_.Remove(static_cast<uint32_t>(index));
    model_.erase(model_.begin() + static_cast<ptrdiff_t>(index));
  }

  // Everything that the stack says is what the list says.
  void Compare() {
    ASSERT_EQ(stack_.depth(), model_.size());
    for (size_t i = 0; i < model_.size(); ++i) {
      const HeldLock& record = stack_[static_cast<uint32_t>(i)];
      ASSERT_TRUE(record.is(&maps_[model_[i].lock]));
      ASSERT_EQ(record.context, model_[i].push);
      ASSERT_EQ(record.all_facts(), model_[i].push);
    }
    for (size_t lock = 0; lock < maps_.size(); ++lock) {
      std::vector<uint32_t> expected;
      for (size_t i = model_.size(); i-- > 0;) {
        if (model_[i].lock == static_cast<int>(lock)) expected.push_back(static_cast<uint32_t>(i));
      }
      std::vector<uint32_t> found;
      for (uint32_t i = stack_.Find(&maps_[lock]); i != HeldStack::kNone; i = stack_.FindOlder(i)) {
        found.push_back(i);
      }
      ASSERT_EQ(found, expected);
    }
  }

  struct Held {
    int lock;
    uint32_t push;
  };
  std::deque<hooks::LockMap> maps_;
  HeldStack stack_;
  std::vector<Held> model_;
  uint32_t pushes_ = 0;
};

TEST_F(HeldStackTest, AgreesWithAListUnderRandomUse) {
  SeededRandom random(1);
  for (int round = 0; round < 3000; ++round) {
    // Now and then the stack is emptied, now and then it grows far beyond its first memory.
    const int limit = round % 1000 < 900 ? 8 : 300;
    if (static_cast<int>(model_.size()) < random.Between(0, limit)) {
      Push(random.Between(0, static_cast<int>(maps_.size()) - 1));
    } else if (!model_.empty()) {
      const bool newest = random.Percent(60);
      Remove(newest ? model_.size() - 1 : random.Between(0, static_cast<int>(model_.size()) - 1));
    }
    Compare();
    if (HasFatalFailure()) return;
  }
}

TEST_F(HeldStackTest, HoldsTenThousand) {
  for (int i = 0; i < 10000; ++i) Push(i % static_cast<int>(maps_.size()));
  Compare();
  size_t seen = 0;
  stack_.ForEachFromOutside([&](const HeldLock&) { ++seen; });
  EXPECT_EQ(seen, 10000U);
  stack_.Clear();
  EXPECT_EQ(stack_.depth(), 0U);
  EXPECT_EQ(stack_.Find(&maps_[0]), HeldStack::kNone);
}

}  // namespace
}  // namespace rqlockdep
