#include "validator/core/key_map.h"

#include "validator/core/arena.h"

namespace rqlockdep {

KeyMap::~KeyMap() {
  if (slots_ != nullptr) UnmapMemory(slots_, (mask_ + 1) * sizeof(Entry));
}

bool KeyMap::Set(uint64_t key, uint32_t value) {
  if ((slots_ == nullptr || 2 * (size_ + 1) > mask_ + 1) && !Grow()) return false;
  Entry& entry = slots_[Slot(key)];
  if (entry.key == 0) ++size_;
  entry = {key, value};
  return true;
}

void KeyMap::Clear() {
  if (slots_ == nullptr) return;
  for (size_t i = 0; i <= mask_; ++i) slots_[i] = {};
  size_ = 0;
}

bool KeyMap::Grow() {
  constexpr size_t kFirstSlots = 256;  // one page
  const size_t old_slots = slots_ == nullptr ? 0 : mask_ + 1;
  const size_t new_slots = old_slots == 0 ? kFirstSlots : 2 * old_slots;
  auto* memory = static_cast<Entry*>(MapMemory(new_slots * sizeof(Entry)));
  if (memory == nullptr) return false;
  Entry* old = slots_;
  slots_ = memory;
  mask_ = new_slots - 1;
  for (size_t i = 0; i < old_slots; ++i) {
    if (old[i].key != 0) slots_[Slot(old[i].key)] = old[i];
  }
  if (old != nullptr) UnmapMemory(old, old_slots * sizeof(Entry));
  return true;
}

}  // namespace rqlockdep
