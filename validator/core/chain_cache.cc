#include "validator/core/chain_cache.h"

#include "validator/core/arena.h"

namespace rqlockdep {

ChainCache::~ChainCache() {
  if (slots_ != nullptr) UnmapMemory(slots_, mapped());
}

void ChainCache::Insert(ChainKey key, StackId first_stack) {
  // An entry of zeros would be an empty slot: a chain in 1e12 is judged each time.
  if (key >> kStackBits == 0 || Contains(key)) return;
  if ((slots_ == nullptr || 2 * (size_ + 1) > mask_ + 1) && !Grow()) return Clear();
  if (!keys_.PushBack(key)) return Clear();
  // Sixteen million stacks would be a gigabyte of them.
  Put(key, first_stack <= kStackMask ? first_stack : kNoStack);
  ++size_;
}

void ChainCache::Put(ChainKey key, StackId first_stack) {
  size_t slot = Start(key) & mask_;
  while (slots_[slot] != 0) slot = (slot + 1) & mask_;
  slots_[slot] = (key & ~kStackMask) | first_stack;
}

void ChainCache::Clear() {
  for (size_t i = 0; slots_ != nullptr && i <= mask_; ++i) slots_[i] = 0;
  size_ = 0;
  keys_.Clear();
}

bool ChainCache::Grow() {
  constexpr size_t kFirstSlots = 512;  // one page
  const size_t new_count = slots_ == nullptr ? kFirstSlots : 2 * (mask_ + 1);
  void* memory = MapMemory(new_count * sizeof(uint64_t));
  if (memory == nullptr) return false;
  UseLargePages(memory, new_count * sizeof(uint64_t));
  ChainCache old;
  old.slots_ = slots_;
  old.mask_ = mask_;
  slots_ = static_cast<uint64_t*>(memory);
  mask_ = new_count - 1;
  for (const ChainKey key : keys_) {
    StackId stack = kNoStack;
    // Two keys that are taken for each other have both been stored by an earlier table, perhaps.
    if (old.Find(key, &stack)) Put(key, stack);
  }
  return true;
}

}  // namespace rqlockdep
