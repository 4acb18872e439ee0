#include "validator/core/held_stack.h"

#include <new>

#include "validator/core/arena.h"

namespace rqlockdep {
namespace {

// All but the link to the next record of the bucket.
void Copy(const HeldLock& from, HeldLock& to) {
  to.lock.store(from.lock.load(std::memory_order_relaxed), std::memory_order_relaxed);
  to.facts.store(from.facts.load(std::memory_order_relaxed), std::memory_order_relaxed);
  to.waiting.store(from.is_waiting(), std::memory_order_relaxed);
  to.key_before = from.key_before;
  to.context = from.context;
  to.stack = from.stack;
  to.kind = from.kind;
  to.stack_is_exact = from.stack_is_exact;
  to.site = from.site;
}

}  // namespace

HeldStack::~HeldStack() {
  while (mappings_ != nullptr) {
    Outgrown* mapping = mappings_;
    mappings_ = mapping->previous;
    UnmapMemory(mapping, mapping->bytes);
  }
  if (buckets_ != inline_buckets_) {
    UnmapMemory(buckets_, (size_t{bucket_mask_} + 1) * sizeof(uint32_t));
  }
}

uint32_t HeldStack::FindOlder(uint32_t index) const {
  const hooks::LockMap* lock = (*this)[index].lock.load(std::memory_order_relaxed);
  uint32_t i = (*this)[index].next_in_bucket;
  while (i != 0 && !(*this)[i - 1].is(lock)) i = (*this)[i - 1].next_in_bucket;
  return i - 1;
}

void HeldStack::Remove(uint32_t index) {
  const uint32_t last = depth() - 1;
  if (index == last) return PopNewest();
  // Unlinked from the top down and linked again from the bottom up, each chain stays ordered from
  // new to old.
  for (uint32_t i = last + 1; i-- > index;) Unlink(i);
  for (uint32_t i = index; i < last; ++i) {
    Copy((*this)[i + 1], (*this)[i]);
    Link(i);
  }
  // Release: whoever sees the smaller depth sees the moved records.
  depth_.store(last, std::memory_order_release);
}

void HeldStack::Link(uint32_t index) {
  HeldLock& record = (*this)[index];
  uint32_t& bucket = buckets_[Bucket(record.lock.load(std::memory_order_relaxed))];
  record.next_in_bucket = bucket;
  bucket = index + 1;
}

void HeldStack::Unlink(uint32_t index) {
  // Called from the top down, so the record is the head of its chain.
  const HeldLock& record = (*this)[index];
  buckets_[Bucket(record.lock.load(std::memory_order_relaxed))] = record.next_in_bucket;
}

bool HeldStack::Grow() {
  constexpr uint32_t kFirstCapacity = 48;  // with its head a little less than a page
  const uint32_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
  const size_t bytes = sizeof(Outgrown) + size_t{capacity} * sizeof(HeldLock);
  void* memory = MapMemory(bytes);
  if (memory == nullptr) return false;
  auto* mapping = static_cast<Outgrown*>(memory);
  *mapping = {mappings_, bytes};
  auto* records = reinterpret_cast<HeldLock*>(mapping + 1);
  for (uint32_t i = 0; i < capacity; ++i) new (records + i) HeldLock();
  for (uint32_t i = 0; i < depth(); ++i) {
    Copy((*this)[i], records[i]);
    records[i].next_in_bucket = (*this)[i].next_in_bucket;
  }
  mappings_ = mapping;
  capacity_ = capacity;
  // Release: pairs with the acquire load in ForEachFromOutside.
  records_.store(records, std::memory_order_release);
  if (capacity > bucket_mask_ + 1) {
    // Chains stay short: twice as many buckets as records. Without memory they just get longer.
    const uint32_t buckets = 4 * kInlineBuckets > 2 * capacity ? 4 * kInlineBuckets : 2 * capacity;
    uint32_t size = kInlineBuckets;
    while (size < buckets) size *= 2;
    auto* table = static_cast<uint32_t*>(MapMemory(size_t{size} * sizeof(uint32_t)));
    if (table != nullptr) {
      if (buckets_ != inline_buckets_) {
        UnmapMemory(buckets_, (size_t{bucket_mask_} + 1) * sizeof(uint32_t));
      }
      buckets_ = table;
      bucket_mask_ = size - 1;
      for (uint32_t i = 0; i < depth(); ++i) Link(i);
    }
  }
  return true;
}

}  // namespace rqlockdep
