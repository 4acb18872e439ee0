// The locks that a thread holds, in the order of taking, and a way to find one by its address.
//
// Push, the removal of the newest, and Find cost the same at every depth: each record is chained
// into a small hash table of the addresses held. Records never move; other threads may walk them
// (to see whether a lock that is destroyed is held, to show all locks), which is why the fields
// that they read are atomic.
//
// Threads: all calls by the owner, but ForEachFromOutside. There is no limit on the depth.
#ifndef RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
#define RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/chain_key.h"
#include "validator/core/finding.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

struct HeldLock {
  std::atomic<const hooks::LockMap*> lock{nullptr};
  uint64_t facts = 0;           // AcquisitionFacts, the class among them
  ChainKey key_before = 0;      // the chain without this lock and what was taken after it
  ChainKey first_key = 0;       // the chain with it when it was taken; the cache knows its stack
  uint32_t next_in_bucket = 0;  // index + 1
  uint32_t context = 0;         // number of the context in which it was taken
  StackId stack = kNoStack;     // with stacks=full
  std::atomic<uint32_t> class_id{kNoClass};
  LockKind kind = LockKind::kQspinlock;
  std::atomic<LockMode> mode{LockMode::kExclusive};
  Strength strength = Strength::kBlocking;
  std::atomic<bool> waiting{false};  // asked for and waited for, not got yet
  CallSite site;
};

class HeldStack {
 public:
  HeldStack() = default;
  ~HeldStack();
  HeldStack(const HeldStack&) = delete;
  HeldStack& operator=(const HeldStack&) = delete;

  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t depth() const { return depth_.load(std::memory_order_relaxed); }
  HeldLock& operator[](uint32_t index) const { return records_[index]; }

  // The newest record of `lock`, or kNone.
  uint32_t Find(const hooks::LockMap* lock) const {
    for (uint32_t i = buckets_[Bucket(lock)]; i != 0; i = records_[i - 1].next_in_bucket) {
      if (records_[i - 1].lock.load(std::memory_order_relaxed) == lock) return i - 1;
    }
    return kNone;
  }
  // The next older record of the lock of record `index`, or kNone.
  uint32_t FindOlder(uint32_t index) const;

  // A new record at the top whose lock is `lock`; null without memory. Other fields are stale: the
  // caller sets them all. Visible to others after Publish.
  HeldLock* Push(const hooks::LockMap* lock) {
    const uint32_t index = depth();
    if (index >= capacity_ && !Grow(index + 1)) return nullptr;
    HeldLock& record = records_[index];
    uint32_t& bucket = buckets_[Bucket(lock)];
    record.next_in_bucket = bucket;
    bucket = index + 1;
    // Relaxed: Publish orders it.
    record.lock.store(lock, std::memory_order_relaxed);
    return &record;
  }
  // Release: pairs with the acquire load of depth_ in ForEachFromOutside.
  void Publish() { depth_.store(depth() + 1, std::memory_order_release); }

  void PopNewest() {
    const uint32_t index = depth() - 1;
    HeldLock& record = records_[index];
    const hooks::LockMap* lock = record.lock.load(std::memory_order_relaxed);
    buckets_[Bucket(lock)] = record.next_in_bucket;
    // Others that still see the old depth must not see a lock there that a later Push has not made
    // ours yet; a stale record is harmless (the walk is a snapshot), so relaxed is enough.
    depth_.store(index, std::memory_order_relaxed);
  }

  // Removes all.
  void Clear() {
    while (depth() > 0) PopNewest();
  }

  // Removes any record; those above move down one place.
  void Remove(uint32_t index);

  // Calls `visit(record)` for each record, from any thread. What it sees is a snapshot: records may
  // be taken and released meanwhile.
  template <typename Visitor>
  void ForEachFromOutside(Visitor visit) const {
    // Acquire: pairs with Publish; the records below are initialised.
    const uint32_t depth = depth_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < depth; ++i) visit(records_[i]);
  }

 private:
  uint32_t Bucket(const hooks::LockMap* lock) const {
    return (reinterpret_cast<uintptr_t>(lock) * 0x9e3779b97f4a7c15 >> 32) & bucket_mask_;
  }
  bool Grow(uint32_t size);
  void Unlink(uint32_t index);
  void RebuildBuckets();

  static constexpr uint32_t kInlineBuckets = 64;

  std::atomic<uint32_t> depth_{0};
  uint32_t capacity_ = 0;
  uint32_t bucket_mask_ = kInlineBuckets - 1;
  uint32_t* buckets_ = inline_buckets_;  // index + 1 of the newest record of each chain
  uint32_t inline_buckets_[kInlineBuckets] = {};
  SegmentedVector<HeldLock, 5> records_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
