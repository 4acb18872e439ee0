// The chains that a thread has already been judged for, each with the stack of its first time.
//
// It belongs to one thread: a hit is one or two loads from this thread's memory. It grows without
// limit; when there is no memory for that it forgets everything, which costs time, not findings
// (the graph remembers).
#ifndef RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
#define RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_

#include <cstddef>

#include "validator/core/chain_key.h"
#include "validator/core/ids.h"
#include "validator/core/key_map.h"

namespace rqlockdep {

class ChainCache {
 public:
  bool Contains(ChainKey key) const { return chains_.Contains(key); }

  // True if the chain is known; then `*first_stack` is the stack that was stored with it.
  bool Find(ChainKey key, StackId* first_stack) const { return chains_.Find(key, first_stack); }

  void Insert(ChainKey key, StackId first_stack) {
    if (!chains_.Set(key, first_stack)) chains_.Clear();
  }

  void Clear() { chains_.Clear(); }

  size_t size() const { return chains_.size(); }
  // What is mapped from the system: one mapping, if any.
  const void* memory() const { return chains_.memory(); }
  size_t mapped() const { return chains_.mapped(); }

 private:
  HashMap chains_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
