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

// What excuses the nesting of a lock that is waited for, as part of the chain.
void AddExcuse(const DependencyGraph& graph, const ThreadState& thread, const ChainRequest& request,
               ChainStep* step) {
  const ClassInfo& info = graph.Class(request.class_id).info;
  const NestingExcuse excuse = FindNestingExcuse(thread, &request.lock, info, request.nest);
  if (!excuse.same_class_held) return;
  if (excuse.all_ordered) step->facts |= AcquisitionFacts::kOrderedAfterHeld;
  if (excuse.all_nested) step->facts |= AcquisitionFacts::kNestAccepted;
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
  const bool may_need_excuse = request.strength != Strength::kTry && !step.is_special();
  if (may_need_excuse) AddExcuse(graph, thread, request, &step);
  const ChainKey before = thread.chain();
  ChainKey key = MixChain(before, step.facts);
  if (may_need_excuse && request.nest != nullptr) {
    // Which hold it nests under decides what is excused, and what is from then on.
    const uint32_t hold = OldestSerialisingHold(thread, request.nest);
    key = MixChain(key, AcquisitionFacts::kNestHold | hold);
  }
  step.link = {before, step.facts, key};
  return step;
}

}  // namespace rqlockdep
