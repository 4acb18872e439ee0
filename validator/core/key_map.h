// A map from 64-bit keys to 32-bit values, such as the set of cycles reported before.
//
// Linear probing, at most half full; grows without limit; memory from mmap. Key 0 is not allowed.
// Nothing is removed one by one. One thread at a time.
#ifndef RQLOCKDEP_VALIDATOR_CORE_KEY_MAP_H_
#define RQLOCKDEP_VALIDATOR_CORE_KEY_MAP_H_

#include <cstddef>
#include <cstdint>

namespace rqlockdep {

class KeyMap {
 public:
  KeyMap() = default;
  ~KeyMap();
  KeyMap(const KeyMap&) = delete;
  KeyMap& operator=(const KeyMap&) = delete;

  bool Contains(uint64_t key) const { return slots_ != nullptr && slots_[Slot(key)].key == key; }
  // The value of `key`, or `absent`.
  uint32_t Get(uint64_t key, uint32_t absent) const {
    if (slots_ == nullptr) return absent;
    const Entry& entry = slots_[Slot(key)];
    return entry.key == key ? entry.value : absent;
  }
  // Sets the value of `key`. False when there is no memory: the map is then as before.
  bool Set(uint64_t key, uint32_t value);

  void Clear();

  size_t size() const { return size_; }

 private:
  struct Entry {
    uint64_t key;  // 0: empty
    uint32_t value;
  };

  // The slot of `key`, or the empty slot where it would go.
  size_t Slot(uint64_t key) const {
    size_t slot = Start(key) & mask_;
    while (slots_[slot].key != key && slots_[slot].key != 0) {
      slot = (slot + 1) & mask_;
    }
    return slot;
  }
  // The keys may be packed numbers.
  static size_t Start(uint64_t key) { return (key * 0x9e3779b97f4a7c15) >> 20; }
  bool Grow();

  Entry* slots_ = nullptr;
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_KEY_MAP_H_
