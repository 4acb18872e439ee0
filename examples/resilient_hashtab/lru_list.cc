#include "examples/resilient_hashtab/lru_list.h"

#include <cassert>
#include <cstddef>

namespace resilient_hashtab {

LruNode* LruList::TakeFree() {
  LruNode* const node = first_free_;
  if (node == nullptr) return nullptr;
  first_free_ = node->older_;
  --free_;
  node->older_ = nullptr;
  node->state_ = State::kDetached;
  return node;
}

LruNode* LruList::ClaimOldest() {
  LruNode* const node = oldest_;
  if (node == nullptr) return nullptr;
  Unlink(*node);
  node->state_ = State::kClaimed;
  return node;
}

void LruList::Free(LruNode& node) {
  assert(node.state_ == State::kDetached);
  node.state_ = State::kFree;
  node.older_ = first_free_;
  first_free_ = &node;
  ++free_;
}

void LruList::ListFirst(LruNode& node) {
  assert(node.state_ == State::kDetached);
  LinkNewest(node);
}

void LruList::Touch(LruNode& node) {
  if (node.state_ == State::kClaimed) return;
  assert(node.state_ == State::kListed);
  if (newest_ == &node) return;
  Unlink(node);
  LinkNewest(node);
}

void LruList::Remove(LruNode& node) {
  const bool claimed = node.state_ == State::kClaimed;
  if (!claimed) {
    assert(node.state_ == State::kListed);
    Unlink(node);
  }
  node.state_ = State::kDetached;
  if (!claimed) Free(node);
}

bool LruList::Unclaim(LruNode& node) {
  if (node.state_ == State::kDetached) return false;
  assert(node.state_ == State::kClaimed);
  LinkOldest(node);
  return true;
}

bool LruList::IsConsistent() const {
  size_t listed = 0;
  const LruNode* newer = nullptr;
  for (const LruNode* node = newest_; node != nullptr; node = node->older_) {
    // The count also ends a walk along a ring.
    if (node->state_ != State::kListed || node->newer_ != newer || ++listed > listed_) return false;
    newer = node;
  }
  size_t free = 0;
  for (const LruNode* node = first_free_; node != nullptr; node = node->older_) {
    if (node->state_ != State::kFree || ++free > free_) return false;
  }
  return oldest_ == newer && listed == listed_ && free == free_;
}

void LruList::LinkNewest(LruNode& node) {
  node.state_ = State::kListed;
  node.newer_ = nullptr;
  node.older_ = newest_;
  (newest_ != nullptr ? newest_->newer_ : oldest_) = &node;
  newest_ = &node;
  ++listed_;
}

void LruList::LinkOldest(LruNode& node) {
  node.state_ = State::kListed;
  node.older_ = nullptr;
  node.newer_ = oldest_;
  (oldest_ != nullptr ? oldest_->older_ : newest_) = &node;
  oldest_ = &node;
  ++listed_;
}

void LruList::Unlink(LruNode& node) {
  (node.newer_ != nullptr ? node.newer_->older_ : newest_) = node.older_;
  (node.older_ != nullptr ? node.older_->newer_ : oldest_) = node.newer_;
  node.newer_ = nullptr;
  node.older_ = nullptr;
  --listed_;
}

}  // namespace resilient_hashtab
