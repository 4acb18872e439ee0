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

  // As the steady state does it. A chain is a sum here, so different orders have equal keys. True
  // if the record was made.
  bool PushSteadily(int lock, uint64_t facts, uint32_t context) {
    HeldLock& newest = stack_.newest();
    HeldLock* record =
        HeldStack::FindMade(newest, &maps_[lock], context, [facts] { return facts; });
    const bool made = record != nullptr;
    if (made) {
      EXPECT_TRUE(record->is(&maps_[lock]));
      EXPECT_EQ(record->all_facts(), facts);
      EXPECT_EQ(record->context, context);
      EXPECT_EQ(record->key_after, stack_.chain() + facts);
    } else if (stack_.HasRoomUpon(newest)) {
      record = &stack_.PushUpon(newest, &maps_[lock]);
    } else {
      record = stack_.Push(&maps_[lock]);
    }
    if (!made) {
      record->SetFacts(facts);
      record->context = context;
      record->key_after = stack_.chain() + facts;
    }
    stack_.PublishPushed(*record);
    return made;
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

// Few locks, facts and contexts, so that much is found again, upon other records too.
TEST_F(HeldStackTest, WhatIsFoundMadeIsWhatIsAskedFor) {
  struct Asked {
    int lock;
    uint64_t facts;
    uint32_t context;
  };
  std::vector<Asked> held;
  SeededRandom random(2);
  int found = 0;
  for (int round = 0; round < 20000; ++round) {
    const size_t limit = round % 1000 < 900 ? 6 : 2 * HeldStack::kShallow;
    if (held.size() < static_cast<size_t>(random.Between(0, static_cast<int>(limit)))) {
      const Asked asked = {random.Between(0, 2), static_cast<uint64_t>(random.Between(1, 2)),
                           static_cast<uint32_t>(random.Between(0, 1))};
      if (PushSteadily(asked.lock, asked.facts, asked.context)) ++found;
      held.push_back(asked);
    } else if (!held.empty()) {
      if (stack_.is_shallow()) {
        stack_.PopNewestOfShallow(stack_.newest());
      } else {
        stack_.Remove(stack_.depth() - 1);
      }
      held.pop_back();
    }
    if (held.empty() && random.Percent(5)) stack_.ForgetMade();
    ASSERT_EQ(stack_.depth(), held.size());
    ChainKey chain = stack_.base_chain();
    for (size_t i = 0; i < held.size(); ++i) {
      const HeldLock& record = stack_[static_cast<uint32_t>(i)];
      ASSERT_TRUE(record.is(&maps_[held[i].lock]));
      ASSERT_EQ(record.all_facts(), held[i].facts);
      ASSERT_EQ(record.context, held[i].context);
      chain += held[i].facts;
      ASSERT_EQ(record.key_after, chain);
    }
    ASSERT_EQ(stack_.chain(), chain);
    size_t seen = 0;
    stack_.ForEachFromOutside(
        [&](const HeldLock& record) { EXPECT_TRUE(record.is(&maps_[held[seen++].lock])); });
    ASSERT_EQ(seen, held.size());
  }
  EXPECT_GT(found, 500);
}

// Wherever the two lie, at each depth.
TEST_F(HeldStackTest, TwoLocksThatTakeTurnsAreFoundMade) {
  for (uint32_t depth = 0; depth < HeldStack::kShallow; ++depth) {
    for (int one = 0; one < 40; ++one) {
      for (int other = 0; other < one; ++other) {
        bool found = false;
        for (int round = 0; round < 3; ++round) {
          found = true;
          for (const int lock : {one, other}) {
            found = PushSteadily(lock, static_cast<uint64_t>(lock) + 1, 0) && found;
            stack_.PopNewestOfShallow(stack_.newest());
          }
        }
        ASSERT_TRUE(found) << one << " and " << other << " upon " << depth;
      }
    }
    PushSteadily(99, 100, 0);
  }
}

TEST_F(HeldStackTest, NothingIsFoundThatWasForgotten) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(PushSteadily(1, 1, 0));
    stack_.PopNewestOfShallow(stack_.newest());
    EXPECT_TRUE(PushSteadily(1, 1, 0));
    stack_.PopNewestOfShallow(stack_.newest());
    stack_.ForgetMade();
  }
}

// The mark of a deep stack is of no lock, and nothing is found upon it.
TEST_F(HeldStackTest, NothingIsFoundMadeUponADeepStack) {
  for (int lock = 0; lock < 40; ++lock) PushSteadily(lock, 1, 0);
  while (stack_.depth() > HeldStack::kShallow - 2) stack_.Remove(stack_.depth() - 1);
  for (uint32_t depth = HeldStack::kShallow - 2; depth < 40; ++depth) {
    EXPECT_EQ(PushSteadily(static_cast<int>(depth), 1, 0), depth < HeldStack::kShallow) << depth;
    EXPECT_EQ(stack_.newest().is(&maps_[depth]), depth < HeldStack::kShallow) << depth;
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
