// LruList: who was used last, and which elements are free. The recency list and the free list of
// the hash table's preallocated elements, in the manner of BPF_MAP_TYPE_LRU_HASH.
//
// A plain data structure without a lock: the table guards it, and the nodes' private parts, with
// its LRU lock. Every operation takes constant time and allocates nothing. Nodes are not owned;
// they outlive the list.
//
// An element is always in one of these states:
//
//   kFree      on the free list
//   kDetached  off both lists and in no bucket: it belongs to the thread that took it
//   kListed    on the recency list and in a bucket
//   kClaimed   off the recency list, still in a bucket: a thread is about to evict it
//
//   kFree --TakeFree--> kDetached --ListFirst--> kListed --ClaimOldest--> kClaimed
//     ^                   |  ^                     |  ^                     |  |
//     +-------Free--------+  |                     |  +-------Unclaim-------+  |
//     +---------Remove-------|---------------------+                           |
//                            +--------------------Remove-----------------------+
//
// kClaimed is there because the lock order allows nobody to ask for a bucket's lock under the LRU
// lock: the evicting thread lets go of the LRU lock in between. Meanwhile others may still use the
// element, or remove it, but nobody else claims or reuses it.
#ifndef EXAMPLES_RESILIENT_HASHTAB_LRU_LIST_H_
#define EXAMPLES_RESILIENT_HASHTAB_LRU_LIST_H_

#include <cstddef>

namespace resilient_hashtab {

// The part of an element that the list works with.
class LruNode {
 public:
  LruNode() = default;
  LruNode(const LruNode&) = delete;
  LruNode& operator=(const LruNode&) = delete;

 private:
  friend class LruList;
  enum class State { kFree, kDetached, kListed, kClaimed };

  State state_ = State::kDetached;
  LruNode* newer_ = nullptr;  // on the free list: unused
  LruNode* older_ = nullptr;  // on the free list: the next one
};

class LruList {
 public:
  LruList() = default;
  LruList(const LruList&) = delete;
  LruList& operator=(const LruList&) = delete;

  // A free node, now the caller's (kDetached); null if there is none.
  LruNode* TakeFree();
  // The node that was not used for longest, now the caller's to evict (kClaimed); null if there is
  // none.
  LruNode* ClaimOldest();
  // Gives the caller's node (kDetached) to the free list.
  void Free(LruNode& node);
  // The caller has put its node (kDetached) into a bucket: lists it as the newest.
  void ListFirst(LruNode& node);
  // The node was used. A claimed one stays claimed.
  void Touch(LruNode& node);
  // The caller has taken the node (kListed or kClaimed) out of its bucket. A listed one becomes
  // free; a claimed one now belongs to the thread that claimed it (kDetached).
  void Remove(LruNode& node);
  // The caller could not evict the node that it claimed: lists it as the oldest. Returns false if
  // there is nothing to list, since others have removed the node: then it is the caller's.
  bool Unclaim(LruNode& node);

  size_t listed() const { return listed_; }
  size_t free() const { return free_; }
  static bool IsListed(const LruNode& node) { return node.state_ == LruNode::State::kListed; }

  // The newest listed node, and the next older one; null at the end.
  const LruNode* newest() const { return newest_; }
  static const LruNode* NextOlder(const LruNode& node) { return node.older_; }
  // Whether links, states and counts agree. Takes time linear in the nodes.
  bool IsConsistent() const;

 private:
  using State = LruNode::State;

  void LinkNewest(LruNode& node);
  void LinkOldest(LruNode& node);
  void Unlink(LruNode& node);

  LruNode* newest_ = nullptr;
  LruNode* oldest_ = nullptr;
  LruNode* first_free_ = nullptr;
  size_t listed_ = 0;
  size_t free_ = 0;
};

}  // namespace resilient_hashtab

#endif  // EXAMPLES_RESILIENT_HASHTAB_LRU_LIST_H_
