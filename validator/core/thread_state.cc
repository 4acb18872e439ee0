#include "validator/core/thread_state.h"

namespace rqlockdep {

bool ThreadState::Reuse(ThreadId id) {
  // Acquire: pairs with the release store at the thread's end; it is done with the state.
  if (!exited.load(std::memory_order_acquire) || held.depth() != 0 || vanished) return false;
  id_.store(id, std::memory_order_relaxed);
  chains.Clear();
  held.ForgetMade();
  base_context_ = {};
  context_depth = 0;
  SetContextNumber(0);
  SetGeneralPath(kFailurePending, false);
  masks = 0;
  held.SetBaseChain(kEmptyChain);
  wait_depth_ = 0;
  exited.store(false, std::memory_order_relaxed);
  return true;
}

bool ThreadState::PushWait(const WaitFrame& frame) {
  if (!inner_waits_.EnsureSize(wait_depth_)) return false;
  wait_at(wait_depth_++) = frame;
  return true;
}

void ThreadState::PopWait(uint32_t record) {
  while (wait_depth_ > 0 && wait_at(wait_depth_ - 1).wait.record >= record) --wait_depth_;
}

void ThreadState::RecomputeChains() {
  ChainKey base = kEmptyChain;
  if (masks != 0) base = MixChain(base, AcquisitionFacts::kMasks | masks);
  for (uint32_t depth = 1; depth <= context_depth; ++depth) {
    base =
        MixChain(base, AcquisitionFacts::kContext | static_cast<uint8_t>(context_at(depth).kind));
  }
  held.SetBaseChain(base);
  RecomputeChainsFrom(0);
}

void ThreadState::RecomputeChainsFrom(uint32_t first) {
  for (uint32_t i = first; i < held.depth(); ++i) {
    RecomputeChain(i);
    HeldLock& record = held[i];
    record.SetFacts(record.all_facts() | HeldFacts::kGeneral);  // nobody has judged this chain
  }
}

void ThreadState::SetWaiting(uint32_t index, bool waiting) {
  held[index].SetWaiting(waiting);
  RecomputeChain(index);
  // What a handler that was left by a jump holds.
  RecomputeChainsFrom(index + 1);
}

void ThreadState::RecomputeChain(uint32_t index) {
  HeldLock& record = held[index];
  uint64_t facts = record.all_facts() & HeldFacts::kChainMask;
  if (record.context != context_number_) facts |= AcquisitionFacts::kInterrupted;
  if (record.is_waiting()) facts |= AcquisitionFacts::kNotGot;
  record.key_below = index == 0 ? held.base_chain() : held[index - 1].key_after;
  record.key_after = MixChain(record.key_below, facts);
}

}  // namespace rqlockdep
