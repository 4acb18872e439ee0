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
#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/chain_key.h"
#include "validator/core/finding.h"
#include "validator/core/ids.h"

namespace rqlockdep {

struct HeldLock {
  std::atomic<const hooks::LockMap*> lock{nullptr};
  std::atomic<uint64_t> facts{0};  // AcquisitionFacts: class, mode and strength among them
  ChainKey key_before = 0;         // the chain without this lock and what was taken after it
  uint32_t next_in_bucket = 0;     // index + 1
  uint32_t context = 0;            // number of the context in which it was taken
  StackId stack = kNoStack;        // of this acquisition, or of the first time of its chain
  LockKind kind = LockKind::kQspinlock;
  bool stack_is_exact = false;
  std::atomic<bool> waiting{false};  // asked for and waited for, not got yet
  CallSite site;

  ClassId class_id() const {
    return AcquisitionFacts::ClassOf(facts.load(std::memory_order_relaxed));
  }
  LockMode mode() const { return AcquisitionFacts::ModeOf(facts.load(std::memory_order_relaxed)); }
  Strength strength() const {
    return AcquisitionFacts::StrengthOf(facts.load(std::memory_order_relaxed));
  }
  bool is_waiting() const { return waiting.load(std::memory_order_relaxed); }
  bool is(const hooks::LockMap* other) const {
    return lock.load(std::memory_order_relaxed) == other;
  }
};

class HeldStack {
 public:
  HeldStack() = default;
  ~HeldStack();
  HeldStack(const HeldStack&) = delete;
  HeldStack& operator=(const HeldStack&) = delete;

  static constexpr uint32_t kNone = UINT32_MAX;  // 0 - 1

  uint32_t depth() const { return depth_.load(std::memory_order_relaxed); }
  HeldLock& operator[](uint32_t index) const {
    return records_.load(std::memory_order_relaxed)[index];  // written by this thread
  }

  // The newest record of `lock`, or kNone.
  uint32_t Find(const hooks::LockMap* lock) const {
    uint32_t i = buckets_[Bucket(lock)];
    while (i != 0 && !(*this)[i - 1].is(lock)) i = (*this)[i - 1].next_in_bucket;
    return i - 1;
  }
  // The next older record of the lock of record `index`, or kNone.
  uint32_t FindOlder(uint32_t index) const;

  // A new record at the top whose lock is `lock`; null without memory. Other fields are stale: the
  // caller sets them all. Visible to others after Publish.
  HeldLock* Push(const hooks::LockMap* lock) {
    const uint32_t index = depth();
    if (index >= capacity_ && !Grow()) [[unlikely]] {
      return nullptr;
    }
    HeldLock& record = (*this)[index];
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
    const HeldLock& record = (*this)[index];
    buckets_[Bucket(record.lock.load(std::memory_order_relaxed))] = record.next_in_bucket;
    // Relaxed: others that still see the old depth see a lock that was held a moment ago, which is
    // all that a snapshot says.
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
    // Acquire: pairs with Publish; the records below are initialised, and the array that held them
    // then is visible (or a larger one with copies).
    const uint32_t depth = depth_.load(std::memory_order_acquire);
    const HeldLock* records = records_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < depth; ++i) visit(records[i]);
  }

 private:
  // Locks are some ten bytes apart or pages apart: two shifts spread both. A collision costs a
  // step.
  uint32_t Bucket(const hooks::LockMap* lock) const {
    const auto address = reinterpret_cast<uintptr_t>(lock);
    return static_cast<uint32_t>((address >> 4) ^ (address >> 11)) & bucket_mask_;
  }
  bool Grow();
  void Link(uint32_t index);
  void Unlink(uint32_t index);

  // An array that the stack has outgrown; others may still read it.
  struct Outgrown {
    Outgrown* previous;
    size_t bytes;
  };
  static constexpr uint32_t kInlineBuckets = 64;

  std::atomic<uint32_t> depth_{0};
  uint32_t capacity_ = 0;
  uint32_t bucket_mask_ = kInlineBuckets - 1;
  std::atomic<HeldLock*> records_{nullptr};
  uint32_t* buckets_ = inline_buckets_;  // index + 1 of the newest record of each chain
  uint32_t inline_buckets_[kInlineBuckets] = {};
  Outgrown* mappings_ = nullptr;  // all arrays, the current one first; the head of each mapping
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
