#include "validator/core/stack_depot.h"

#include <algorithm>

#include "validator/core/chain_key.h"

namespace rqlockdep {

StackId StackDepot::Put(std::span<const uintptr_t> frames) {
  if (frames.empty()) return kNoStack;
  uint64_t hash = kEmptyChain;
  for (const uintptr_t frame : frames) hash = MixChain(hash, frame);
  const StackId first = by_hash_.Get(hash, kNoStack);
  for (StackId id = first; id != kNoStack; id = entries_[id - 1].next_with_same_hash) {
    if (std::ranges::equal(Frames(id), frames)) return id;
  }
  const std::span<uintptr_t> copy = arena_.NewArray<uintptr_t>(frames.size());
  if (copy.empty() || !entries_.EnsureSize(count_ + 1) || !by_hash_.Set(hash, count_ + 1)) {
    return kNoStack;
  }
  std::ranges::copy(frames, copy.begin());
  entries_[count_] = {copy.data(), static_cast<uint32_t>(copy.size()), first};
  return ++count_;
}

std::span<const uintptr_t> StackDepot::Frames(StackId stack) const {
  if (stack == kNoStack) return {};
  const Entry& entry = entries_[stack - 1];
  return {entry.frames, entry.size};
}

}  // namespace rqlockdep
