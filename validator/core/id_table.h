// Finds a number by what it stands for: a hash table of numbers alone, whose keys are kept wherever
// the numbers lead to. 6 to 12 bytes an entry.
//
// Linear probing, at most two thirds full; grows without limit; memory from mmap. Number 0 is not
// allowed. Nothing is removed. One thread at a time.
#ifndef RQLOCKDEP_VALIDATOR_CORE_ID_TABLE_H_
#define RQLOCKDEP_VALIDATOR_CORE_ID_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "validator/core/arena.h"

namespace rqlockdep {

class IdTable {
 public:
  IdTable() = default;
  ~IdTable() {
    if (slots_ != nullptr) UnmapMemory(slots_, SlotCount() * sizeof(uint32_t));
  }
  IdTable(const IdTable&) = delete;
  IdTable& operator=(const IdTable&) = delete;

  // Where a number is stored whose key has this hash and of which `is(number)` says that it is the
  // one; null if there is none. What is stored there may be replaced by another number of an equal
  // key. Valid until the next Insert.
  template <typename Is>
  uint32_t* Find(uint64_t hash, Is is) const {
    if (slots_ == nullptr) return nullptr;
    size_t slot = Start(hash);
    while (slots_[slot] != 0) {
      if (is(slots_[slot])) return &slots_[slot];
      slot = (slot + 1) & mask_;
    }
    return nullptr;
  }

  // Adds `id`, which is not there. `hash_of(number)` is asked for every number when the table
  // grows. False when there is no memory: the table is then as before.
  template <typename HashOf>
  bool Insert(uint64_t hash, uint32_t id, HashOf hash_of) {
    if ((slots_ == nullptr || 3 * (size_ + 1) > 2 * SlotCount()) && !Grow(hash_of)) return false;
    Put(hash, id);
    ++size_;
    return true;
  }

 private:
  size_t SlotCount() const { return mask_ + 1; }
  // The high bits of the product: the keys may be packed numbers.
  size_t Start(uint64_t hash) const { return ((hash * 0x9e3779b97f4a7c15) >> 20) & mask_; }
  void Put(uint64_t hash, uint32_t id) {
    size_t slot = Start(hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = id;
  }
  template <typename HashOf>
  bool Grow(HashOf hash_of) {
    constexpr size_t kFirstSlots = 1024;  // one page
    const size_t old_count = slots_ == nullptr ? 0 : SlotCount();
    const size_t new_count = old_count == 0 ? kFirstSlots : 2 * old_count;
    void* memory = MapMemory(new_count * sizeof(uint32_t));
    if (memory == nullptr) return false;
    uint32_t* const old = slots_;
    slots_ = static_cast<uint32_t*>(memory);
    mask_ = new_count - 1;
    for (size_t i = 0; i < old_count; ++i) {
      if (old[i] != 0) Put(hash_of(old[i]), old[i]);
    }
    if (old != nullptr) UnmapMemory(old, old_count * sizeof(uint32_t));
    return true;
  }

  uint32_t* slots_ = nullptr;
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_ID_TABLE_H_
