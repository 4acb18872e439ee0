// Sections 1, 2 and 4: acquisitions, edges, recursion within a class.
#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_lock_kinds.h"
#include "tests/reference/reference_model.h"

namespace rqlockdep {

using reference::IsSection;
using reference::KeepsOthersAway;
using reference::NeverWaits;

ReferenceModel::Ask ReferenceModel::Classify(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  const LockKind kind = KindOf(event.lock);
  const LockMode mode = reference::ModeOf(kind, event.read, thread.contexts.size() > 1);
  Strength strength = reference::PlainStrength(kind);
  if (event.timed && strength == Strength::kBlocking) strength = Strength::kTimed;
  if (event.try_only) strength = Strength::kTry;

  Ask ask = {.event = event,
             .thread = thread,
             .kind = kind,
             .lock_class = ClassOf(event.lock, event.subclass),
             .mode = mode,
             .strength = strength,
             .is_try = event.try_only,
             .holds_shared_only = false,
             .re_entry = false,
             .resilient_aa = false,
             .try_on_own = false,
             .self_deadlock = false};
  if (!Holds(thread, event.lock)) return ask;
  ask.holds_shared_only = !HoldsExclusively(thread, event.lock);
  if (kind == LockKind::kRecursiveMutex ||
      (mode == LockMode::kRecursiveReader && ask.holds_shared_only)) {
    ask.re_entry = true;
  } else if (ask.is_try) {
    ask.try_on_own = true;
  } else if (kind == LockKind::kRqspinlock) {
    ask.resilient_aa = true;
  } else {
    ask.self_deadlock = true;
  }
  return ask;
}

void ReferenceModel::Acquire(const TraceEvent& event) {
  const Ask ask = Classify(event);
  NoteAsked(ask);
  const std::optional<bool> gets_it = Outcome(ask);
  if (!gets_it) {
    Wait(ask);
  } else if (*gets_it) {
    if (ask.is_try && !ask.waits_for_nobody()) EnableAsked(ask);
    Grant(event.thread, event.lock, ask.lock_class, ask.mode);
  } else if (!ask.is_try) {
    Fail(event.thread, event.lock);
  }
}

void ReferenceModel::NoteAsked(const Ask& ask) {
  const TraceEvent& event = ask.event;
  graph_.AddAskedFor(ask.lock_class, event.lock);

  std::optional<int>& failed_lock = ask.thread.contexts.back().failed_lock;
  if (failed_lock == event.lock && !ask.is_try) Report("not-unwound", event.thread);
  failed_lock.reset();

  if (event.nest >= 0 && !Holds(ask.thread, event.nest)) {
    Report("nest-lock-not-held", event.thread);
  }
  if (ask.self_deadlock) Report("recursive-locking", event.thread).self_deadlock = true;

  if (ask.is_try || ask.waits_for_nobody()) return;
  if (reference::OuterRank(ask.kind) > CurrentRank(ask.thread)) {
    Report("invalid-wait-context", event.thread).asked_class = graph_.ClassName(ask.lock_class);
  }
  if (IsSection(ask.kind)) return;
  AddUses(ask);
  EnableAsked(ask);
  if (!ask.self_deadlock || ask.strength == Strength::kBlocking) {
    AddEdges(ask.thread, ask.lock_class, ask.mode, ask.strength);
  }
  if (ask.strength == Strength::kBlocking) {
    CheckRecursion(event.thread, event, ask.lock_class, ask.mode);
  }
}

std::optional<bool> ReferenceModel::Outcome(const Ask& ask) const {
  const TraceEvent& event = ask.event;
  if (event.outcome) return *event.outcome == TraceOutcome::kOk;
  if (ask.re_entry) return true;
  if (ask.self_deadlock) {
    if (ask.strength == Strength::kBlocking) return true;
    const auto found = queues_.find(event.lock);
    const bool writer_queued =
        found != queues_.end() &&
        std::any_of(found->second.begin(), found->second.end(), [&](int waiter) {
          return FindThread(waiter).wait->mode == LockMode::kExclusive;
        });
    return ask.mode != LockMode::kExclusive && ask.holds_shared_only && !writer_queued;
  }
  if (ask.resilient_aa) return false;
  if (NeverWaits(ask.kind) || WaitsFor(event.thread, event.lock, ask.mode).empty()) return true;
  if (ask.is_try) return false;
  return std::nullopt;
}

void ReferenceModel::Wait(const Ask& ask) {
  ask.thread.wait = WaitState{.lock = ask.event.lock,
                              .lock_class = ask.lock_class,
                              .mode = ask.mode,
                              .bounded = ask.strength != Strength::kBlocking,
                              .since = wait_count_++};
  queues_[ask.event.lock].push_back(ask.event.thread);
  JudgeWait(ask.event.thread);
}

void ReferenceModel::Grant(int thread, int lock, int lock_class, LockMode mode) {
  Thread& state = threads_[thread];
  state.held.push_back(
      {.lock = lock, .lock_class = lock_class, .mode = mode, .context = state.contexts.back().id});
}

// A bounded acquisition failed with "timeout" or "deadlock".
void ReferenceModel::Fail(int thread, int lock) {
  if (KindOf(lock) != LockKind::kRqspinlock) return;
  Thread& state = threads_[thread];
  const bool has_something_to_give_back =
      std::any_of(state.held.begin(), state.held.end(),
                  [&](const HeldLock& hold) { return KeepsOthersAway(KindOf(hold.lock)); });
  if (has_something_to_give_back) state.contexts.back().failed_lock = lock;
}

void ReferenceModel::AddEdges(const Thread& thread, int asked_class, LockMode mode,
                              Strength strength) {
  if (graph_.KindOf(asked_class) == LockKind::kLocalLock) return;  // never waits for another thread
  std::map<int, bool> guards;
  for (const HeldLock& hold : thread.held) {
    if (!KeepsOthersAway(KindOf(hold.lock))) continue;
    guards[hold.lock_class] |= hold.mode == LockMode::kExclusive;
  }
  for (const HeldLock& hold : thread.held) {
    const bool same_context = hold.context == thread.contexts.back().id;
    if (!same_context || IsSection(KindOf(hold.lock)) || hold.lock_class == asked_class) continue;
    graph_.AddObservation(hold.lock_class, asked_class,
                          {.held_shared = hold.mode != LockMode::kExclusive,
                           .asked_recursive = mode == LockMode::kRecursiveReader,
                           .strength = strength,
                           .guards = guards});
  }
}

void ReferenceModel::CheckRecursion(int thread, const TraceEvent& event, int asked_class,
                                    LockMode mode) {
  const Thread& state = threads_[thread];
  for (size_t i = 0; i < state.held.size(); ++i) {
    const HeldLock& hold = state.held[i];
    if (hold.lock_class != asked_class || hold.lock == event.lock) continue;
    if (hold.mode != LockMode::kExclusive && mode == LockMode::kRecursiveReader) continue;
    if (event.nest >= 0 && NestExcuses(state, i, event.nest, asked_class)) continue;
    Report("recursive-locking", thread).asked_class = graph_.ClassName(asked_class);
  }
}

// Whether `nest_lock` serialises the nesting inside the hold of index `held_index`; remembers it.
bool ReferenceModel::NestExcuses(const Thread& thread, size_t held_index, int nest_lock,
                                 int asked_class) {
  for (size_t i = 0; i < held_index; ++i) {
    const HeldLock& nest = thread.held[i];
    if (nest.lock != nest_lock) continue;
    if (nest.mode != LockMode::kExclusive && KindOf(nest.lock) != LockKind::kMap) continue;
    const auto known = nested_under_.find(asked_class);
    if (known != nested_under_.end() && known->second != nest.lock_class) continue;
    nested_under_[asked_class] = nest.lock_class;
    return true;
  }
  return false;
}

}  // namespace rqlockdep
