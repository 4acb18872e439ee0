#include "validator/core/thread_state.h"

namespace rqlockdep {

bool ThreadState::Reuse(ThreadId id) {
  // Acquire: pairs with the release store at the thread's end; it is done with the state.
  if (!exited.load(std::memory_order_acquire) || held.depth() != 0) return false;
  id_ = id;
  chains.Clear();
  base_context_ = {};
  context_depth = 0;
  context_number = 0;
  failure_pending = false;
  masks = 0;
  chain = kEmptyChain;
  wait.lock.store(nullptr, std::memory_order_relaxed);
  exited.store(false, std::memory_order_relaxed);
  return true;
}

ChainKey ThreadState::BaseKey() {
  ChainKey key = kEmptyChain;
  if (masks != 0) key = MixChain(key, AcquisitionFacts::kMasks | masks);
  for (uint32_t depth = 1; depth <= context_depth; ++depth) {
    key = MixChain(key, AcquisitionFacts::kContext | static_cast<uint8_t>(context_at(depth).kind));
  }
  return key;
}

void ThreadState::RecomputeChain(uint32_t first, ChainKey key) {
  const uint32_t current = context_number;
  for (uint32_t i = first; i < held.depth(); ++i) {
    HeldLock& record = held[i];
    record.key_before = key;
    const uint64_t outside = record.context == current ? 0 : AcquisitionFacts::kInterrupted;
    key = MixChain(key, record.facts.load(std::memory_order_relaxed) | outside);
  }
  chain = key;
}

}  // namespace rqlockdep
