// The chains that a thread has already been judged for, each with the stack of its first time.
//
// It belongs to one thread: a hit is one or two loads from this thread's memory. It grows without
// limit; when there is no memory for that it forgets everything, which costs time, not findings
// (the graph remembers).
//
// Of large programs what counts is how many cache lines and pages a look-up may have to fetch. So a
// slot has 8 bytes: the upper 40 bits of the key, whose lower bits say where it belongs, and the
// number of the stack; and a large table asks for large pages. The whole keys lie apart, for the
// day when the table grows. With a million chains the chance that any two are taken for each other
// is under 1e-5; as with the keys themselves it would cost one check.
#ifndef RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
#define RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_

#include <cstddef>
#include <cstdint>

#include "validator/core/chain_key.h"
#include "validator/core/growing_array.h"
#include "validator/core/ids.h"

namespace rqlockdep {

class ChainCache {
 public:
  ChainCache() = default;
  ~ChainCache();
  ChainCache(const ChainCache&) = delete;
  ChainCache& operator=(const ChainCache&) = delete;

  bool Contains(ChainKey key) const {
    StackId stack = kNoStack;
    return Find(key, &stack);
  }

  // True if the chain is known; then `*first_stack` is the stack that was stored with it.
  bool Find(ChainKey key, StackId* first_stack) const {
    if (slots_ == nullptr) return false;
    size_t slot = Start(key) & mask_;
    // As a rule the first slot that is looked at is the one, or empty.
    uint64_t entry = slots_[slot];
    while (entry != 0 && !Matches(entry, key)) {
      slot = (slot + 1) & mask_;
      entry = slots_[slot];
    }
    *first_stack = static_cast<StackId>(entry & kStackMask);
    return entry != 0;
  }

  void Insert(ChainKey key, StackId first_stack);

  // Forgets all chains. The memory is kept.
  void Clear();

  size_t size() const { return size_; }
  // What is mapped from the system for the look-up.
  const void* memory() const { return slots_; }
  size_t mapped() const { return slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(uint64_t); }

 private:
  static constexpr int kStackBits = 24;
  static constexpr uint64_t kStackMask = (uint64_t{1} << kStackBits) - 1;

  static bool Matches(uint64_t entry, ChainKey key) { return ((entry ^ key) >> kStackBits) == 0; }
  // The lowest bit is always set.
  static size_t Start(ChainKey key) { return key >> 1; }
  void Put(ChainKey key, StackId first_stack);
  bool Grow();

  uint64_t* slots_ = nullptr;  // 0: empty
  size_t mask_ = 0;
  size_t size_ = 0;
  GrowingArray<ChainKey> keys_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
