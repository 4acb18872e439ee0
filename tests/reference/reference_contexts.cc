// Sections 5 and 6: contexts and wait ranks.
#include <algorithm>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_lock_kinds.h"
#include "tests/reference/reference_model.h"

namespace rqlockdep {

void ReferenceModel::AddUses(const Ask& ask) {
  const bool recursive_reader = ask.mode == LockMode::kRecursiveReader;
  for (const Context& context : ask.thread.contexts) {
    if (!context.kind) continue;
    const bool soft = *context.kind == ContextKind::kSoft;
    graph_.AddUsedIn(ask.lock_class, soft ? MaskedContext::kSoft : MaskedContext::kHard,
                     recursive_reader, ask.strength);
  }
}

void ReferenceModel::EnableAsked(const Ask& ask) {
  if (reference::IsSection(ask.kind)) return;
  for (const MaskedContext context : {MaskedContext::kHard, MaskedContext::kSoft}) {
    if (IsMasked(ask.thread, context)) continue;
    graph_.AddEnabled(ask.lock_class, context, ask.mode != LockMode::kExclusive);
  }
}

void ReferenceModel::Enter(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  const bool soft = event.context == ContextKind::kSoft;
  EnableHeld(thread, soft ? MaskedContext::kSoft : MaskedContext::kHard);
  thread.contexts.push_back({.id = ++context_count_,
                             .kind = event.context,
                             .hard_masked_before = thread.hard_masked,
                             .soft_masked_before = thread.soft_masked,
                             .failed_lock = {}});
  SetMasks(thread, true, soft || thread.soft_masked);
}

void ReferenceModel::Leave(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  const Context context = thread.contexts.back();
  const bool left_behind =
      std::any_of(thread.held.begin(), thread.held.end(),
                  [&](const HeldLock& hold) { return hold.context == context.id; });
  if (left_behind) Report("held-at-exit", event.thread);
  thread.contexts.pop_back();
  SetMasks(thread, context.hard_masked_before, context.soft_masked_before);
}

void ReferenceModel::SetMasks(Thread& thread, bool hard, bool soft) {
  const bool hard_was_masked = IsMasked(thread, MaskedContext::kHard);
  const bool soft_was_masked = IsMasked(thread, MaskedContext::kSoft);
  thread.hard_masked = hard;
  thread.soft_masked = soft;
  if (hard_was_masked && !IsMasked(thread, MaskedContext::kHard)) {
    EnableHeld(thread, MaskedContext::kHard);
  }
  if (soft_was_masked && !IsMasked(thread, MaskedContext::kSoft)) {
    EnableHeld(thread, MaskedContext::kSoft);
  }
}

void ReferenceModel::EnableHeld(const Thread& thread, MaskedContext context) {
  for (const HeldLock& hold : thread.held) {
    if (reference::IsSection(KindOf(hold.lock))) continue;
    graph_.AddEnabled(hold.lock_class, context, hold.mode != LockMode::kExclusive);
  }
}

// While hard is masked, soft counts as masked.
bool ReferenceModel::IsMasked(const Thread& thread, MaskedContext context) {
  return thread.hard_masked || (context == MaskedContext::kSoft && thread.soft_masked);
}

int ReferenceModel::CurrentRank(const Thread& thread) const {
  const Context& context = thread.contexts.back();
  int rank = 5;
  if (context.kind) rank = *context.kind == ContextKind::kHard ? 2 : 3;
  for (const HeldLock& hold : thread.held) {
    if (hold.context != context.id) continue;
    const int inner = reference::InnerRank(KindOf(hold.lock));
    if (inner != 0) rank = std::min(rank, inner);
  }
  return rank;
}

}  // namespace rqlockdep
