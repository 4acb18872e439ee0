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

HeldStack::HeldStack() {
  MakeRows(0);
  top_.store(RowAt(0), std::memory_order_relaxed);
}

HeldStack::~HeldStack() {
  while (mappings_ != nullptr) {
    Mapping* mapping = mappings_;
    mappings_ = mapping->previous;
    UnmapMemory(mapping, mapping->bytes);
  }
  if (buckets_ != nullptr) UnmapMemory(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
}

void HeldStack::MakeRows(uint32_t row) {
  for (; rows_made_ < row + 2; ++rows_made_) {
    for (uint32_t i = 0; i < kWays; ++i) new (RowAt(rows_made_) + i) HeldLock();
  }
  // A record in row r needs row r + 1; so upon row r - 1 there is room if r + 1 is made.
  const uint32_t rows_with_room = rows_made_ - 2;
  room_end_ = RowAt(rows_with_room < kShallow ? rows_with_room : kShallow);
}

void HeldStack::ForgetMade() {
  for (uint32_t row = 1; row < rows_made_; ++row) {
    for (uint32_t i = 0; i < kWays; ++i) {
      // Relaxed: nobody else looks at records that are not on the stack.
      RowAt(row)[i].lock.store(nullptr, std::memory_order_relaxed);
    }
  }
}

uint32_t HeldStack::FindDeep(const hooks::LockMap* lock) const {
  uint32_t i = buckets_[Bucket(lock)];
  while (i != 0 && !(*this)[i - 1].is(lock)) i = older_[i - 1];
  return i - 1;
}

uint32_t HeldStack::FindOlder(uint32_t index) const {
  const HeldLock& record = (*this)[index];
  const hooks::LockMap* lock = record.lock.load(std::memory_order_relaxed);
  if (is_shallow()) return FindBelow(lock, *Below(record));
  uint32_t i = older_[index];
  while (i != 0 && !(*this)[i - 1].is(lock)) i = older_[i - 1];
  return i - 1;
}

HeldLock* HeldStack::Push(const hooks::LockMap* lock) {
  const uint32_t index = depth();
  if (index < kShallow) {
    MakeRows(index + 1);
    return &PushUpon(newest(), lock);
  }
  if ((index - kShallow >= capacity_ && !Grow()) || !Index(lock)) return nullptr;
  MakeRows(kMarkRow);
  HeldLock& record = (*this)[index];
  record.lock.store(lock, std::memory_order_relaxed);  // PublishPushed orders it
  return &record;
}

void HeldStack::PublishPushed(HeldLock& record) {
  const uint32_t index = depth();
  if (index < kShallow) return Publish(record);
  SetDeep(index - kShallow + 1);
}

// Others see the mark before or after the number changes; either is a depth of a moment ago.
void HeldStack::SetDeep(uint32_t deep) {
  HeldLock* const mark = RowAt(kMarkRow);
  if (is_shallow()) mark->below.store(&newest(), std::memory_order_release);
  // Release: pairs with the acquire load in depth(); the records are whole.
  deep_.store(deep, std::memory_order_release);
  Publish(deep != 0 ? *mark : *Below(*mark));
}

void HeldStack::PopNewest() {
  if (is_shallow()) return PopNewestOfShallow(newest());
  const uint32_t top = depth() - 1;
  buckets_[Bucket((*this)[top].lock.load(std::memory_order_relaxed))] = older_[top];
  SetDeep(top - kShallow);
}

void HeldStack::Clear() {
  deep_.store(0, std::memory_order_relaxed);
  Publish(*RowAt(0));
}

void HeldStack::Remove(uint32_t index) {
  const uint32_t last = depth() - 1;
  if (index == last) return PopNewest();
  for (uint32_t i = index; i < last; ++i) Copy((*this)[i + 1], (*this)[i]);
  // Release: whoever sees the smaller depth sees the moved records.
  if (is_shallow()) return PopNewestOfShallow(newest());
  SetDeep(last - kShallow);
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
  if (kShallow + capacity_ > table_size_) {
    // One mapping for both tables. As many buckets as records, so chains stay short.
    const uint32_t size = 2 * capacity_;
    void* memory = MapMemory(size_t{size} * 2 * sizeof(uint32_t));
    if (memory == nullptr) return false;
    if (buckets_ != nullptr) UnmapMemory(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
    buckets_ = static_cast<uint32_t*>(memory);
    table_size_ = size;
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
  constexpr uint32_t kFirstCapacity = 2 * kShallow;
  const uint32_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
  const size_t bytes = sizeof(Mapping) + size_t{capacity} * sizeof(HeldLock);
  void* memory = MapMemory(bytes);
  if (memory == nullptr) return false;
  auto* mapping = static_cast<Mapping*>(memory);
  *mapping = {mappings_, bytes};
  auto* records = reinterpret_cast<HeldLock*>(mapping + 1);
  for (uint32_t i = 0; i < capacity; ++i) new (records + i) HeldLock();
  for (uint32_t i = kShallow; i < depth(); ++i) Copy((*this)[i], records[i - kShallow]);
  mappings_ = mapping;
  capacity_ = capacity;
  // Release: pairs with the acquire load in ForOldestFromOutside.
  records_.store(records, std::memory_order_release);
  return true;
}

}  // namespace rqlockdep
