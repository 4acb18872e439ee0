// The chain cache against a map, over several of its sizes.
#include "validator/core/chain_cache.h"

#include <gtest/gtest.h>

#include <unordered_map>

#include "tests/reference/seeded_random.h"

namespace rqlockdep {
namespace {

TEST(ChainCache, KnowsWhatWasInsertedAndNothingElse) {
  ChainCache cache;
  std::unordered_map<ChainKey, StackId> model;
  SeededRandom random(1);
  ChainKey key = kEmptyChain;
  for (int i = 0; i < 50'000; ++i) {
    key = MixChain(key, random.Next());
    EXPECT_FALSE(cache.Contains(key));
    const auto stack = static_cast<StackId>(random.Below(1 << 24));
    cache.Insert(key, stack);
    model[key] = stack;
  }
  // The first stack stays.
  cache.Insert(key, 7);
  EXPECT_EQ(cache.size(), model.size());
  for (const auto& [known, stack] : model) {
    StackId found = kNoStack;
    ASSERT_TRUE(cache.Find(known, &found));
    ASSERT_EQ(found, stack);
  }
  cache.Clear();
  EXPECT_EQ(cache.size(), 0U);
  for (const auto& [known, stack] : model) ASSERT_FALSE(cache.Contains(known));
  cache.Insert(key, 3);
  EXPECT_TRUE(cache.Contains(key));
}

TEST(ChainCache, AStackWithTooLargeANumberIsNone) {
  ChainCache cache;
  const ChainKey key = MixChain(kEmptyChain, 1);
  cache.Insert(key, StackId{1} << 24);
  StackId found = 1;
  ASSERT_TRUE(cache.Find(key, &found));
  EXPECT_EQ(found, kNoStack);
}

}  // namespace
}  // namespace rqlockdep
