#include "validator/core/held_stack.h"

#include <new>

#include "validator/core/arena.h"

namespace rqlockdep {
namespace {

void Copy(const HeldLock& from, HeldLock& to) {
  to.lock.store(from.lock.load(std::memory_order_relaxed), std::memory_order_relaxed);
  to.SetFacts(from.all_facts());
  to.key_after = from.key_after;
  to.context = from.context;
  to.stack = from.stack;
  to.site = from.site;
}

}  // namespace

HeldStack::~HeldStack() {
  while (mappings_ != nullptr) {
    Mapping* mapping = mappings_;
    mappings_ = mapping->previous;
    UnmapMemory(mapping, mapping->bytes);
  }
  if (buckets_ != nullptr) UnmapMemory(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
}

uint32_t HeldStack::FindDeep(const hooks::LockMap* lock) const {
  uint32_t i = buckets_[Bucket(lock)];
  while (i != 0 && !(*this)[i - 1].is(lock)) i = older_[i - 1];
  return i - 1;
}

uint32_t HeldStack::FindOlder(uint32_t index) const {
  const hooks::LockMap* lock = (*this)[index].lock.load(std::memory_order_relaxed);
  if (is_shallow()) return FindBelow(lock, index);
  uint32_t i = older_[index];
  while (i != 0 && !(*this)[i - 1].is(lock)) i = older_[i - 1];
  return i - 1;
}

void HeldStack::PopNewest() {
  if (!is_shallow()) {
    const uint32_t top = depth() - 1;
    buckets_[Bucket((*this)[top].lock.load(std::memory_order_relaxed))] = older_[top];
  }
  PopNewestOfShallow();
}

void HeldStack::Remove(uint32_t index) {
  const uint32_t last = depth() - 1;
  if (index == last) return PopNewest();
  ForgetPopped();
  for (uint32_t i = index; i < last; ++i) {
    Copy((*this)[i + 1], (*this)[i]);
    if (i < kShallow) low_halves_[i] = LowHalf((*this)[i].lock.load(std::memory_order_relaxed));
  }
  // Release: whoever sees the smaller depth sees the moved records.
  depth_.store(last, std::memory_order_release);
  if (!is_shallow()) Reindex();
}

void HeldStack::Reindex() {
  for (uint32_t i = 0; i <= bucket_mask_; ++i) buckets_[i] = 0;
  for (uint32_t i = 0; i < depth(); ++i) {
    uint32_t& bucket = buckets_[Bucket((*this)[i].lock.load(std::memory_order_relaxed))];
    older_[i] = bucket;
    bucket = i + 1;
  }
}

bool HeldStack::Index(const hooks::LockMap* lock) {
  if (capacity_ > table_size_) {
    // One mapping for both tables. As many buckets as records, so chains stay short.
    void* memory = MapMemory(size_t{capacity_} * 2 * sizeof(uint32_t));
    if (memory == nullptr) return false;
    if (buckets_ != nullptr) UnmapMemory(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
    buckets_ = static_cast<uint32_t*>(memory);
    table_size_ = capacity_;
    older_ = buckets_ + table_size_;
    bucket_mask_ = table_size_ - 1;  // the capacity is a power of two
    Reindex();
  } else if (depth() == kShallow) {
    Reindex();  // what it says is from an earlier time that the stack was deep
  }
  uint32_t& bucket = buckets_[Bucket(lock)];
  older_[depth()] = bucket;
  bucket = depth() + 1;
  return true;
}

bool HeldStack::Grow() {
  constexpr uint32_t kFirstCapacity = 32;
  const uint32_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
  const size_t bytes = sizeof(Mapping) + size_t{capacity} * sizeof(HeldLock);
  void* memory = MapMemory(bytes);
  if (memory == nullptr) return false;
  auto* mapping = static_cast<Mapping*>(memory);
  *mapping = {mappings_, bytes};
  auto* records = reinterpret_cast<HeldLock*>(mapping + 1);
  for (uint32_t i = 0; i < capacity; ++i) new (records + i) HeldLock();
  for (uint32_t i = 0; i < depth(); ++i) Copy((*this)[i], records[i]);
  mappings_ = mapping;
  capacity_ = capacity;
  shallow_capacity_ = kShallow;
  // Release: pairs with the acquire load in ForEachFromOutside.
  records_.store(records, std::memory_order_release);
  return true;
}

}  // namespace rqlockdep
