// The states of a node, the order of the list, and what happens between a claim and an eviction.
#include "examples/resilient_hashtab/lru_list.h"

#include <array>
#include <vector>

#include "gtest/gtest.h"

namespace resilient_hashtab {
namespace {

class LruListTest : public testing::Test {
 protected:
  void ListAll() {
    for (LruNode& node : nodes_) list_.ListFirst(node);
  }
  // The nodes by number, newest first.
  std::vector<int> Order() const {
    std::vector<int> order;
    for (const LruNode* node = list_.newest(); node != nullptr; node = LruList::NextOlder(*node))
      order.push_back(static_cast<int>(node - nodes_.data()));
    return order;
  }
  void TearDown() override { EXPECT_TRUE(list_.IsConsistent()); }

  std::array<LruNode, 4> nodes_;
  LruList list_;
};

using Numbers = std::vector<int>;

TEST_F(LruListTest, TakesEachFreeNodeOnce) {
  list_.Free(nodes_[0]);
  list_.Free(nodes_[1]);
  EXPECT_EQ(list_.free(), 2u);
  const LruNode* const first = list_.TakeFree();
  const LruNode* const second = list_.TakeFree();
  EXPECT_NE(first, second);
  EXPECT_NE(first, nullptr);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(list_.TakeFree(), nullptr);
  EXPECT_EQ(list_.free(), 0u);
}

TEST_F(LruListTest, TouchMakesANodeTheNewest) {
  ListAll();
  EXPECT_EQ(Order(), (Numbers{3, 2, 1, 0}));
  list_.Touch(nodes_[0]);  // the oldest
  EXPECT_EQ(Order(), (Numbers{0, 3, 2, 1}));
  list_.Touch(nodes_[3]);  // in the middle
  EXPECT_EQ(Order(), (Numbers{3, 0, 2, 1}));
  list_.Touch(nodes_[3]);  // the newest
  EXPECT_EQ(Order(), (Numbers{3, 0, 2, 1}));
}

TEST_F(LruListTest, ClaimsFromTheOldestOn) {
  ListAll();
  EXPECT_EQ(list_.ClaimOldest(), &nodes_[0]);
  EXPECT_EQ(list_.ClaimOldest(), &nodes_[1]);
  EXPECT_EQ(Order(), (Numbers{3, 2}));
  EXPECT_FALSE(LruList::IsListed(nodes_[0]));
  EXPECT_TRUE(LruList::IsListed(nodes_[2]));
  list_.ClaimOldest();
  list_.ClaimOldest();
  EXPECT_EQ(list_.ClaimOldest(), nullptr);
}

TEST_F(LruListTest, ARemovedNodeIsFree) {
  ListAll();
  list_.Remove(nodes_[2]);
  EXPECT_EQ(Order(), (Numbers{3, 1, 0}));
  EXPECT_EQ(list_.free(), 1u);
  EXPECT_EQ(list_.TakeFree(), &nodes_[2]);
}

TEST_F(LruListTest, AClaimedNodeStaysClaimedWhenUsed) {
  ListAll();
  list_.ClaimOldest();
  list_.Touch(nodes_[0]);
  EXPECT_EQ(Order(), (Numbers{3, 2, 1}));
}

TEST_F(LruListTest, AnUnclaimedNodeIsTheOldestAgain) {
  ListAll();
  list_.ClaimOldest();
  EXPECT_TRUE(list_.Unclaim(nodes_[0]));
  EXPECT_EQ(Order(), (Numbers{3, 2, 1, 0}));
}

TEST_F(LruListTest, UnclaimIntoAnEmptyList) {
  list_.ListFirst(nodes_[0]);
  list_.ClaimOldest();
  EXPECT_TRUE(list_.Unclaim(nodes_[0]));
  EXPECT_EQ(Order(), (Numbers{0}));
}

// A Delete between the claim and the eviction: the element belongs to the thread that claimed it,
// and neither the free list nor the recency list has it.
TEST_F(LruListTest, AClaimedNodeThatOthersRemoveIsTheClaimants) {
  ListAll();
  list_.ClaimOldest();
  list_.Remove(nodes_[0]);
  EXPECT_EQ(list_.free(), 0u);
  EXPECT_FALSE(list_.Unclaim(nodes_[0]));
  EXPECT_EQ(Order(), (Numbers{3, 2, 1}));
  list_.ListFirst(nodes_[0]);
  EXPECT_EQ(Order(), (Numbers{0, 3, 2, 1}));
}

}  // namespace
}  // namespace resilient_hashtab
