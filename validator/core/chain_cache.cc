#include "validator/core/chain_cache.h"

#include <algorithm>
#include <bit>

#include "validator/core/arena.h"

namespace rqlockdep {

ChainCache::~ChainCache() {
  if (lines_ != nullptr) UnmapMemory(lines_, mapped());
  if (singles_ != nullptr) UnmapMemory(singles_, mapped_for_singles());
}

bool ChainCache::FindFurther(uint32_t home, ChainKey key, StackId* first_stack) const {
  bool found = false;
  VisitLines(home, key, [&](const Line& line) {
    for (uint32_t candidates = MayMatch(line, key); candidates != 0; candidates &= candidates - 1) {
      const uint64_t entry = line.slots[__builtin_ctz(candidates)];
      if (entry == 0 || !Matches(entry, key)) continue;
      *first_stack = static_cast<StackId>(entry & kStackMask);
      return found = true;
    }
    return !line.full();
  });
  return found;
}

void ChainCache::Insert(const Link& link, StackId first_stack) {
  // An entry of zeros would be an empty slot: a chain in 1e12 is judged each time.
  if (link.key >> kStackBits == 0 || Contains(link)) return;
  // Sixteen million stacks would be a gigabyte of them.
  const StackId stack = first_stack <= kStackMask ? first_stack : kNoStack;
  if (lines_ == nullptr && !Grow()) return Clear();
  if (!PutSingle(link, stack)) {
    if (2 * (keys_.size() + 1) > (mask_ + 1) * kSlots && !Grow()) return Clear();
    if (!homes_.PushBack(HomeOf(link)) || !keys_.PushBack(link.key)) return Clear();
    Put(homes_.back(), link.key, stack);
  }
  ++size_;
}

bool ChainCache::PutSingle(const Link& link, StackId first_stack) {
  const uint64_t manner = MannerOf(link.facts);
  if (link.before != kEmptyChain || manner > UINT8_MAX) return false;
  const ClassId id = AcquisitionFacts::ClassOf(link.facts);
  if (id >= single_count_ && !GrowSingles(size_t{id} + 1)) return false;
  // The first manner of asking for locks of the class is as a rule the only one.
  if (singles_[id] != 0) return false;
  singles_[id] = static_cast<uint32_t>(manner << kStackBits) | first_stack;
  return true;
}

bool ChainCache::GrowSingles(size_t count) {
  constexpr size_t kFirst = 1024;  // one page
  const size_t new_count = std::bit_ceil(std::max(count, kFirst));
  void* memory = MapMemory(new_count * sizeof(uint32_t));
  if (memory == nullptr) return false;
  auto* singles = static_cast<uint32_t*>(memory);
  for (size_t i = 0; i < single_count_; ++i) {
    // A page that nothing is written to takes no memory.
    if (singles_[i] != 0) singles[i] = singles_[i];
  }
  if (singles_ != nullptr) UnmapMemory(singles_, mapped_for_singles());
  singles_ = singles;
  single_count_ = new_count;
  return true;
}

void ChainCache::Put(uint32_t home, ChainKey key, StackId first_stack) {
  VisitLines(home, key, [&](Line& line) {
    if (line.full()) return false;
    uint64_t* slot = line.slots;
    while (*slot != 0) ++slot;
    *slot = (key & ~kStackMask) | first_stack;
    return true;
  });
}

void ChainCache::Clear() {
  for (size_t i = 0; lines_ != nullptr && i <= mask_; ++i) lines_[i] = {};
  for (size_t i = 0; i < single_count_; ++i) {
    if (singles_[i] != 0) singles_[i] = 0;
  }
  size_ = 0;
  keys_.Clear();
  homes_.Clear();
}

bool ChainCache::Grow() {
  constexpr size_t kFirstLines = 64;  // one page
  const size_t new_count = lines_ == nullptr ? kFirstLines : 2 * (mask_ + 1);
  void* memory = MapMemory(new_count * sizeof(Line));
  if (memory == nullptr) return false;
  UseLargePages(memory, new_count * sizeof(Line));
  ChainCache old;
  old.lines_ = lines_;
  old.mask_ = mask_;
  lines_ = static_cast<Line*>(memory);
  mask_ = new_count - 1;
  for (size_t i = 0; i < keys_.size(); ++i) {
    StackId stack = kNoStack;
    // Two keys that are taken for each other have both been stored by an earlier table, perhaps.
    if (old.FindFrom(homes_[i], keys_[i], &stack)) Put(homes_[i], keys_[i], stack);
  }
  return true;
}

}  // namespace rqlockdep
