#include "validator/checks/chain_step.h"

#include "validator/checks/lock_kinds.h"
#include "validator/checks/recursion_check.h"
#include "validator/core/chain_key.h"

namespace rqlockdep {
namespace {

// A lock can be held with one subclass and asked for with another.
bool HoldsClass(const DependencyGraph& graph, const ThreadState& thread, ClassId id) {
  if (id == kNoClass) return false;
  const uintptr_t address = graph.Class(id).info.key.address;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const ClassId held = thread.held[i].class_id();
    if (held == kNoClass) continue;
    if (held == id || graph.Class(held).info.key.address == address) return true;
  }
  return false;
}

// What else the verdict on a nesting depends on: which of the held locks of the class are other
// ones, with which of those the order function agrees, and which hold the lock nests under. Of a
// class without an order function, without a nest lock, they are all others and nothing excuses
// them, unless the thread holds the lock itself.
ChainKey MixNesting(ChainKey key, const DependencyGraph& graph, const ThreadState& thread,
                    const ChainRequest& request, OwnHold own_hold) {
  const LockClass::OrderFunction order = graph.Class(request.class_id).info.key.order;
  if (order == nullptr && request.nest == nullptr && own_hold == OwnHold::kNone) return key;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const HeldLock& record = thread.held[i];
    if (!IsOtherOfClass(record, &request.lock, request.class_id)) continue;
    const bool ordered =
        order != nullptr && order(record.lock.load(std::memory_order_relaxed), &request.lock);
    key = MixChain(key, AcquisitionFacts::kSameClass | uint64_t{i} << 1 | uint64_t{ordered});
  }
  if (request.nest == nullptr) return key;
  const uint32_t hold = OldestSerialisingHold(thread, request.nest);
  return MixChain(key, AcquisitionFacts::kNestHold | hold);
}

}  // namespace

LockMode EffectiveMode(const ThreadState& thread, const hooks::LockMap& lock, LockMode mode) {
  if (lock.kind() != LockKind::kFairRwlock || mode == LockMode::kExclusive) return mode;
  return SharedMode(lock.kind(), thread.context_depth > 0);
}

ChainStep FindChainStep(const DependencyGraph& graph, const ThreadState& thread,
                        const ChainRequest& request) {
  ChainStep step;
  step.own_hold =
      ClassifyOwnHold(thread, &request.lock, request.lock.kind(), request.mode, request.strength);
  step.facts = AcquisitionFacts::Of(request.class_id, request.mode, request.strength);
  if (step.own_hold != OwnHold::kNone) step.facts |= AcquisitionFacts::kAlreadyHeld;
  if (HoldsClass(graph, thread, request.class_id)) step.facts |= AcquisitionFacts::kClassHeld;
  const bool waits_for_others =
      step.own_hold == OwnHold::kNone || step.own_hold == OwnHold::kSelfDeadlock;
  if (!waits_for_others || request.class_id == kNoClass) step.facts |= AcquisitionFacts::kSpecial;
  const ChainKey before = thread.chain();
  ChainKey key = MixChain(before, step.facts);
  if (request.strength != Strength::kTry && !step.is_special()) {
    key = MixNesting(key, graph, thread, request, step.own_hold);
  }
  step.link = {before, step.facts, key};
  return step;
}

}  // namespace rqlockdep
