// The chain cache against a map, over several of its sizes.
#include "validator/core/chain_cache.h"

#include <gtest/gtest.h>

#include <unordered_map>
#include <vector>

#include "tests/reference/seeded_random.h"

namespace rqlockdep {
namespace {

using Link = ChainCache::Link;

Link Extend(ChainKey before, uint64_t facts) { return {before, facts, MixChain(before, facts)}; }

Link Extend(ChainKey before, ClassId id) {
  return Extend(before, AcquisitionFacts::Of(id, LockMode::kExclusive, Strength::kBlocking));
}

// A chain cache and what should be in it.
class ChainCacheTest : public ::testing::Test {
 protected:
  void Insert(const Link& link) {
    if (model_.find(link.key) != model_.end()) return;
    EXPECT_FALSE(cache_.Contains(link));
    const auto stack = static_cast<StackId>(random_.Below(1 << 24));
    cache_.Insert(link, stack);
    // The first stack stays.
    cache_.Insert(link, stack ^ 1);
    model_[link.key] = stack;
    links_.push_back(link);
  }
  void ExpectAllKnown() const {
    EXPECT_EQ(cache_.size(), links_.size());
    for (const Link& link : links_) {
      StackId found = kNoStack;
      ASSERT_TRUE(cache_.Find(link, &found));
      ASSERT_EQ(found, model_.at(link.key));
    }
  }

  ChainCache cache_;
  std::unordered_map<ChainKey, StackId> model_;
  std::vector<Link> links_;
  SeededRandom random_{1};
};

TEST_F(ChainCacheTest, KnowsWhatWasInsertedAndNothingElse) {
  // Chains that go on from chains that go on from others: long ones, and many from one.
  for (int i = 0; i < 50'000; ++i) {
    const bool empty = links_.empty() || random_.Below(4) == 0;
    const ChainKey before = empty ? kEmptyChain : links_[random_.Below(links_.size())].key;
    Insert(Extend(before, AcquisitionFacts::Of(static_cast<ClassId>(1 + random_.Below(9'000)),
                                               static_cast<LockMode>(random_.Below(3)),
                                               static_cast<Strength>(random_.Below(4)))));
  }
  ExpectAllKnown();
  cache_.Clear();
  EXPECT_EQ(cache_.size(), 0U);
  for (const Link& link : links_) ASSERT_FALSE(cache_.Contains(link));
  cache_.Insert(links_.back(), 3);
  EXPECT_TRUE(cache_.Contains(links_.back()));
}

TEST_F(ChainCacheTest, AnyNumberOfChainsGoOnFromOne) {
  const Link first = Extend(kEmptyChain, ClassId{1});
  const Link second = Extend(first.key, ClassId{2});
  Insert(first);
  Insert(second);
  for (ClassId id = 3; id < 20'000; ++id) Insert(Extend(id % 2 == 0 ? first.key : second.key, id));
  ExpectAllKnown();
}

TEST_F(ChainCacheTest, ThreadsWithMasksBeginWithAnotherChain) {
  const ChainKey base = MixChain(kEmptyChain, AcquisitionFacts::kMasks | 1);
  for (ClassId id = 1; id < 20'000; ++id) {
    Insert(Extend(kEmptyChain, id));
    EXPECT_FALSE(cache_.Contains(Extend(base, id)));
    Insert(Extend(base, id));
  }
  ExpectAllKnown();
}

TEST_F(ChainCacheTest, ALockAskedForInAnotherWayIsAnotherChain) {
  constexpr ClassId kLast = 3'000;
  const auto exclusive = AcquisitionFacts::Of(kLast, LockMode::kExclusive, Strength::kBlocking);
  // From the highest class down, so that others come between.
  Insert(Extend(kEmptyChain, exclusive));
  Insert(Extend(kEmptyChain, ClassId{5}));
  for (const uint64_t facts :
       {AcquisitionFacts::Of(kLast, LockMode::kReader, Strength::kBlocking),
        AcquisitionFacts::Of(kLast, LockMode::kExclusive, Strength::kTry),
        exclusive | AcquisitionFacts::kSpecial, exclusive | AcquisitionFacts::kInterrupted,
        AcquisitionFacts::Of(kLast - 1, LockMode::kExclusive, Strength::kBlocking)}) {
    EXPECT_FALSE(cache_.Contains(Extend(kEmptyChain, facts)));
    Insert(Extend(kEmptyChain, facts));
  }
  ExpectAllKnown();
}

TEST_F(ChainCacheTest, AStackWithTooLargeANumberIsNone) {
  const Link single = Extend(kEmptyChain, ClassId{1});
  for (const Link& link : {single, Extend(single.key, ClassId{2})}) {
    cache_.Insert(link, StackId{1} << 24);
    StackId found = 1;
    ASSERT_TRUE(cache_.Find(link, &found));
    EXPECT_EQ(found, kNoStack);
  }
}

TEST_F(ChainCacheTest, ClassesWithHighNumbersTakeLittleMemory) {
  cache_.Insert(Extend(kEmptyChain, ClassId{1'000'000}), 1);
  EXPECT_TRUE(cache_.Contains(Extend(kEmptyChain, ClassId{1'000'000})));
  EXPECT_FALSE(cache_.Contains(Extend(kEmptyChain, ClassId{2'000'000})));
  EXPECT_LE(cache_.bytes(), 10'000U);
}

}  // namespace
}  // namespace rqlockdep
