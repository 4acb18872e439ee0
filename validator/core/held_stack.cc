#include "validator/core/held_stack.h"

#include "validator/core/arena.h"

namespace rqlockdep {

HeldStack::~HeldStack() {
  if (buckets_ != inline_buckets_) UnmapMemory(buckets_, (bucket_mask_ + 1) * sizeof(uint32_t));
}

uint32_t HeldStack::FindOlder(uint32_t index) const {
  const hooks::LockMap* lock = records_[index].lock.load(std::memory_order_relaxed);
  for (uint32_t i = records_[index].next_in_bucket; i != 0; i = records_[i - 1].next_in_bucket) {
    if (records_[i - 1].lock.load(std::memory_order_relaxed) == lock) return i - 1;
  }
  return kNone;
}

void HeldStack::Remove(uint32_t index) {
  const uint32_t last = depth() - 1;
  if (index == last) return PopNewest();
  // Unlink from the top down, so that every chain stays ordered from new to old, then move, then
  // link again from the bottom up.
  for (uint32_t i = last + 1; i-- > index;) Unlink(i);
  for (uint32_t i = index; i < last; ++i) {
    HeldLock& to = records_[i];
    const HeldLock& from = records_[i + 1];
    const hooks::LockMap* lock = from.lock.load(std::memory_order_relaxed);
    to.facts = from.facts;
    to.key_before = from.key_before;
    to.first_key = from.first_key;
    to.context = from.context;
    to.stack = from.stack;
    to.kind = from.kind;
    to.strength = from.strength;
    to.site = from.site;
    to.class_id.store(from.class_id.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.mode.store(from.mode.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.waiting.store(from.waiting.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.lock.store(lock, std::memory_order_relaxed);
    uint32_t& bucket = buckets_[Bucket(lock)];
    to.next_in_bucket = bucket;
    bucket = i + 1;
  }
  // Release: whoever sees the smaller depth sees the moved records.
  depth_.store(last, std::memory_order_release);
}

void HeldStack::Unlink(uint32_t index) {
  // Called from the top down, so the record is the head of its chain.
  const hooks::LockMap* lock = records_[index].lock.load(std::memory_order_relaxed);
  buckets_[Bucket(lock)] = records_[index].next_in_bucket;
}

bool HeldStack::Grow(uint32_t size) {
  constexpr uint32_t kFirstCapacity = 32;
  const uint32_t wanted = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
  if (wanted < size || !records_.EnsureSize(wanted)) return false;
  capacity_ = wanted;
  if (wanted > bucket_mask_ + 1) {
    // Chains stay short: as many buckets as records. Without memory they just get longer.
    auto* buckets = static_cast<uint32_t*>(MapMemory(2 * size_t{wanted} * sizeof(uint32_t)));
    if (buckets != nullptr) {
      if (buckets_ != inline_buckets_) {
        UnmapMemory(buckets_, (size_t{bucket_mask_} + 1) * sizeof(uint32_t));
      }
      buckets_ = buckets;
      bucket_mask_ = 2 * wanted - 1;
      RebuildBuckets();
    }
  }
  return true;
}

void HeldStack::RebuildBuckets() {
  for (uint32_t i = 0; i < depth(); ++i) {
    uint32_t& bucket = buckets_[Bucket(records_[i].lock.load(std::memory_order_relaxed))];
    records_[i].next_in_bucket = bucket;
    bucket = i + 1;
  }
}

}  // namespace rqlockdep
