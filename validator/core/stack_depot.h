// Keeps call stacks, each once, and names them by a small number.
//
// Stacks are never removed: a program has as many as it has ways to take a lock in a new order, not
// as it takes locks. Put: one thread at a time (under the graph lock). Frames: any thread that got
// the id after it was put.
#ifndef RQLOCKDEP_VALIDATOR_CORE_STACK_DEPOT_H_
#define RQLOCKDEP_VALIDATOR_CORE_STACK_DEPOT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/core/arena.h"
#include "validator/core/ids.h"
#include "validator/core/key_map.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

class StackDepot {
 public:
  // The id of the stack with these frames; kNoStack for an empty one or without memory.
  StackId Put(std::span<const uintptr_t> frames);

  // Innermost frame first. Empty for kNoStack.
  std::span<const uintptr_t> Frames(StackId stack) const;

  size_t mapped() const { return arena_.mapped(); }

 private:
  struct Entry {
    const uintptr_t* frames;
    uint32_t size;
    StackId next_with_same_hash;
  };

  Arena arena_;
  KeyMap by_hash_;
  SegmentedVector<Entry> entries_;  // entry i is stack i + 1
  uint32_t count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_STACK_DEPOT_H_
