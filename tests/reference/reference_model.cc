#include "tests/reference/reference_model.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "tests/reference/simple_cycles.h"

namespace rqlockdep {
namespace {

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

// Never blocked by another thread.
bool NeverWaits(LockKind kind) {
  return kind == LockKind::kMap || kind == LockKind::kLocalLock || IsSection(kind);
}

// Whether a hold keeps other threads away: as a guard, and as something to give back on failure.
bool KeepsOthersAway(LockKind kind) { return !NeverWaits(kind); }

LockMode ModeOf(LockKind kind, bool read, bool inside_context) {
  if (IsSection(kind)) return LockMode::kRecursiveReader;
  if (!read) return LockMode::kExclusive;
  switch (kind) {
    case LockKind::kRwlock:
    case LockKind::kMap:
      return LockMode::kRecursiveReader;
    case LockKind::kFairRwlock:
      return inside_context ? LockMode::kRecursiveReader : LockMode::kReader;
    default:
      return LockMode::kReader;
  }
}

Strength StrengthOf(LockKind kind, const TraceEvent& event) {
  if (event.try_only) return Strength::kTry;
  if (kind == LockKind::kRqspinlock) return Strength::kResilient;
  return event.timed ? Strength::kTimed : Strength::kBlocking;
}

// The rank that an acquisition needs.
int OuterRank(LockKind kind) {
  switch (kind) {
    case LockKind::kQspinlock:
    case LockKind::kRqspinlock:
    case LockKind::kRawSpinlock:
      return 2;
    case LockKind::kSpinlock:
    case LockKind::kRwlock:
    case LockKind::kFairRwlock:
    case LockKind::kLocalLock:
      return 3;
    case LockKind::kMutex:
    case LockKind::kRtmutex:
    case LockKind::kRecursiveMutex:
    case LockKind::kRwsem:
      return 4;
    case LockKind::kMap:
      return 0;
    case LockKind::kSection:
    case LockKind::kSectionNopreempt:
    case LockKind::kSectionSleepable:
      return 1;
  }
  return 0;
}

// The rank that a hold leaves; 0 leaves all.
int InnerRank(LockKind kind) {
  switch (kind) {
    case LockKind::kSection:
      return 3;
    case LockKind::kSectionNopreempt:
      return 2;
    case LockKind::kSectionSleepable:
      return 0;
    default:
      return OuterRank(kind);
  }
}

bool Holds(const std::vector<ReferenceModel::HeldLock>& held, int lock) {
  return std::any_of(held.begin(), held.end(),
                     [&](const ReferenceModel::HeldLock& hold) { return hold.lock == lock; });
}

bool HoldsExclusively(const std::vector<ReferenceModel::HeldLock>& held, int lock) {
  return std::any_of(held.begin(), held.end(), [&](const ReferenceModel::HeldLock& hold) {
    return hold.lock == lock && hold.mode == LockMode::kExclusive;
  });
}

}  // namespace

std::set<std::string> ReferenceResult::Ids() const {
  std::set<std::string> ids;
  for (const ReferenceFinding& finding : findings) ids.insert(finding.id);
  return ids;
}

bool IsSmallEnough(const Trace& trace) {
  constexpr int kMaxDepth = 12;
  std::map<int, int> depths;
  for (const TraceEvent& event : trace.events) {
    int& depth = depths[event.thread];
    if (event.op == TraceOp::kAcquire && ++depth > kMaxDepth) return false;
    if (event.op == TraceOp::kRelease && depth > 0) --depth;
  }
  return true;
}

ReferenceResult RunReference(const Trace& trace, const ReferenceOptions& options) {
  ReferenceModel model(trace, options);
  for (const TraceEvent& event : trace.events) {
    if (!model.Step(event)) break;
  }
  return model.result();
}

ReferenceModel::ReferenceModel(const Trace& trace, const ReferenceOptions& options)
    : trace_(trace), options_(options) {}

bool ReferenceModel::Step(const TraceEvent& event) {
  const std::string& name = trace_.threads[event.thread];
  if (threads_[event.thread].wait) {
    result_.error = TraceError{event.position, "thread '" + name + "' is waiting"};
    return false;
  }
  switch (event.op) {
    case TraceOp::kAcquire:
      Acquire(event);
      break;
    case TraceOp::kRelease:
      Release(event);
      break;
    case TraceOp::kDowngrade:
      Downgrade(event);
      break;
    case TraceOp::kInit:
    case TraceOp::kDestroy:
      InitOrDestroy(event);
      break;
    case TraceOp::kEnter:
      Enter(event);
      break;
    case TraceOp::kLeave:
      Leave(event);
      break;
    case TraceOp::kMask:
    case TraceOp::kUnmask: {
      Thread& thread = threads_[event.thread];
      const bool masked = event.op == TraceOp::kMask;
      if (event.context == ContextKind::kSoft) {
        SetMasks(thread, thread.hard_masked, masked);
      } else {
        SetMasks(thread, masked, thread.soft_masked);
      }
      break;
    }
    case TraceOp::kSpawn:
    case TraceOp::kJoin:
      break;
    case TraceOp::kExit:
      Exit(event);
      break;
  }
  if (options_.judge_cycles) {
    for (ReferenceCycle& cycle : graph_.Judge()) {
      ReferenceFinding& finding = Report(cycle.id, event.thread);
      for (int lock_class : cycle.classes) finding.classes.push_back(graph_.ClassName(lock_class));
      finding.strengths = std::move(cycle.strengths);
    }
  }
  ++event_;
  return true;
}

const ReferenceModel::Thread& ReferenceModel::FindThread(int thread) const {
  static const Thread kFresh;
  const auto found = threads_.find(thread);
  return found == threads_.end() ? kFresh : found->second;
}

int ReferenceModel::ClassOf(int lock, int subclass) {
  return graph_.ClassOf(trace_.locks[lock].class_name, subclass, KindOf(lock));
}

ReferenceFinding& ReferenceModel::Report(const std::string& id, int thread) {
  return result_.findings.emplace_back(
      ReferenceFinding{.id = id, .event = event_, .thread = thread});
}

// --- Section 1: acquisitions
// -----------------------------------------------------------------------

void ReferenceModel::Acquire(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  const int lock = event.lock;
  const LockKind kind = KindOf(lock);
  const bool checked = !IsSection(kind);
  const int lock_class = ClassOf(lock, event.subclass);
  const LockMode mode = ModeOf(kind, event.read, thread.contexts.size() > 1);
  const Strength strength = StrengthOf(kind, event);
  const bool is_try = strength == Strength::kTry;

  graph_.AddAskedFor(lock_class, lock);

  std::optional<int>& failed_lock = thread.contexts.back().failed_lock;
  if (failed_lock == lock && !is_try) Report("not-unwound", event.thread);
  failed_lock.reset();

  if (event.nest >= 0 && !Holds(thread.held, event.nest)) {
    Report("nest-lock-not-held", event.thread);
  }

  const bool holds = Holds(thread.held, lock);
  const bool holds_shared_only = holds && !HoldsExclusively(thread.held, lock);
  const bool re_entry = holds && (kind == LockKind::kRecursiveMutex ||
                                  (mode == LockMode::kRecursiveReader && holds_shared_only));
  const bool resilient_aa = holds && kind == LockKind::kRqspinlock && !is_try;
  const bool try_on_own = holds && is_try;
  const bool self_deadlock = holds && !re_entry && !resilient_aa && !try_on_own;
  const bool waits_for_nobody = re_entry || resilient_aa || try_on_own;

  if (self_deadlock) Report("recursive-locking", event.thread).self_deadlock = true;

  if (!is_try && !waits_for_nobody) {
    if (OuterRank(kind) > CurrentRank(thread)) Report("invalid-wait-context", event.thread);
    if (checked) {
      const bool shared = mode != LockMode::kExclusive;
      const bool recursive_reader = mode == LockMode::kRecursiveReader;
      for (const Context& context : thread.contexts) {
        if (!context.kind) continue;
        const MaskedContext masked_context =
            *context.kind == ContextKind::kSoft ? MaskedContext::kSoft : MaskedContext::kHard;
        graph_.AddUsedIn(lock_class, masked_context, recursive_reader, strength);
      }
      for (MaskedContext context : {MaskedContext::kHard, MaskedContext::kSoft}) {
        if (!IsMasked(thread, context)) graph_.AddEnabled(lock_class, context, shared);
      }
      if (!self_deadlock || strength == Strength::kBlocking) {
        AddEdges(thread, lock_class, mode, strength);
      }
      if (strength == Strength::kBlocking) CheckRecursion(event.thread, event, lock_class, mode);
    }
  }

  // The outcome. The order is that of docs/trace-format.md.
  const std::vector<int>& queue = queues_[lock];
  const bool writer_queued = std::any_of(queue.begin(), queue.end(), [&](int waiter) {
    return FindThread(waiter).wait->mode == LockMode::kExclusive;
  });
  std::optional<bool> gets_it;  // none: it waits
  if (event.outcome) {
    gets_it = *event.outcome == TraceOutcome::kOk;
  } else if (re_entry) {
    gets_it = true;
  } else if (self_deadlock) {
    gets_it = strength == Strength::kBlocking ||
              (mode != LockMode::kExclusive && holds_shared_only && !writer_queued);
  } else if (resilient_aa) {
    gets_it = false;
  } else if (NeverWaits(kind) || WaitsFor(event.thread, lock, mode).empty()) {
    gets_it = true;
  } else if (is_try) {
    gets_it = false;
  }

  if (!gets_it) {
    thread.wait = Wait{.lock = lock,
                       .lock_class = lock_class,
                       .mode = mode,
                       .bounded = strength != Strength::kBlocking,
                       .since = wait_count_++};
    queues_[lock].push_back(event.thread);
    JudgeWait(event.thread);
  } else if (*gets_it) {
    if (is_try && !waits_for_nobody && checked) {
      for (MaskedContext context : {MaskedContext::kHard, MaskedContext::kSoft}) {
        if (!IsMasked(thread, context)) {
          graph_.AddEnabled(lock_class, context, mode != LockMode::kExclusive);
        }
      }
    }
    Grant(event.thread, lock, lock_class, mode);
  } else if (!is_try) {
    Fail(event.thread, lock);
  }
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

// --- Section 2: edges
// ------------------------------------------------------------------------------

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

// --- Section 4: recursion within a class
// -----------------------------------------------------------

void ReferenceModel::CheckRecursion(int thread, const TraceEvent& event, int asked_class,
                                    LockMode mode) {
  const Thread& state = threads_[thread];
  for (size_t i = 0; i < state.held.size(); ++i) {
    const HeldLock& hold = state.held[i];
    if (hold.lock_class != asked_class || hold.lock == event.lock) continue;
    if (hold.mode != LockMode::kExclusive && mode == LockMode::kRecursiveReader) continue;
    if (event.nest >= 0 && NestExcuses(state, i, event.nest, asked_class)) continue;
    Report("recursive-locking", thread);
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

// --- Section 5: contexts
// ---------------------------------------------------------------------------

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
    if (IsSection(KindOf(hold.lock))) continue;
    graph_.AddEnabled(hold.lock_class, context, hold.mode != LockMode::kExclusive);
  }
}

// While hard is masked, soft counts as masked.
bool ReferenceModel::IsMasked(const Thread& thread, MaskedContext context) {
  return thread.hard_masked || (context == MaskedContext::kSoft && thread.soft_masked);
}

// --- Section 6: wait ranks
// -------------------------------------------------------------------------

int ReferenceModel::CurrentRank(const Thread& thread) const {
  const Context& context = thread.contexts.back();
  int rank = 5;
  if (context.kind) rank = *context.kind == ContextKind::kHard ? 2 : 3;
  for (const HeldLock& hold : thread.held) {
    if (hold.context != context.id) continue;
    const int inner = InnerRank(KindOf(hold.lock));
    if (inner != 0) rank = std::min(rank, inner);
  }
  return rank;
}

// --- Section 7: balance, lifetime
// ------------------------------------------------------------------

void ReferenceModel::Release(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.contexts.back().failed_lock.reset();
  for (size_t i = thread.held.size(); i-- > 0;) {
    const HeldLock& hold = thread.held[i];
    if (hold.lock != event.lock || hold.context != thread.contexts.back().id) continue;
    thread.held.erase(thread.held.begin() + static_cast<std::ptrdiff_t>(i));
    LetIn(event.lock);
    return;
  }
  Report("unbalanced-release", event.thread);
}

void ReferenceModel::Downgrade(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.contexts.back().failed_lock.reset();
  for (size_t i = thread.held.size(); i-- > 0;) {
    HeldLock& hold = thread.held[i];
    if (hold.lock != event.lock || hold.context != thread.contexts.back().id) continue;
    if (hold.mode != LockMode::kExclusive) continue;
    hold.mode = ModeOf(KindOf(event.lock), true, thread.contexts.size() > 1);
    LetIn(event.lock);
    return;
  }
  Report("unbalanced-release", event.thread);
}

void ReferenceModel::InitOrDestroy(const TraceEvent& event) {
  const bool held = std::any_of(threads_.begin(), threads_.end(), [&](const auto& entry) {
    return Holds(entry.second.held, event.lock);
  });
  if (held) Report("held-lock-destroyed", event.thread);
}

void ReferenceModel::Exit(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.exited = true;
  if (!thread.held.empty()) Report("held-at-exit", event.thread);
}

// --- Section 8: deadlocks that are happening
// -------------------------------------------------------

// For whom `thread`, which waits for `lock` or is about to, waits; empty if it could have the lock.
std::set<int> ReferenceModel::WaitsFor(int thread, int lock, LockMode mode) const {
  std::set<int> others;
  for (const auto& [other, state] : threads_) {
    if (mode == LockMode::kExclusive ? Holds(state.held, lock)
                                     : HoldsExclusively(state.held, lock)) {
      others.insert(other);
    }
  }
  if (mode == LockMode::kReader) {
    const auto queue = queues_.find(lock);
    if (queue != queues_.end()) {
      for (int waiter : queue->second) {
        if (waiter == thread) break;
        if (FindThread(waiter).wait->mode == LockMode::kExclusive) others.insert(waiter);
      }
    }
  }
  return others;
}

void ReferenceModel::JudgeWait(int thread) {
  std::set<std::vector<int>> judged;
  while (threads_[thread].wait) {
    ArcSet arcs;
    for (const auto& [waiter, state] : threads_) {
      if (!state.wait) continue;
      for (int other : WaitsFor(waiter, state.wait->lock, state.wait->mode)) {
        arcs.insert({waiter, other});
      }
    }

    // The cycles through the new waiter that are not judged yet: shortest first, then the one with
    // the oldest waiter, then the next oldest.
    using Order = std::tuple<size_t, std::vector<int>>;
    std::optional<std::pair<Order, std::vector<int>>> first;
    for (const std::vector<int>& cycle : SimpleCycles(arcs)) {
      if (std::find(cycle.begin(), cycle.end(), thread) == cycle.end()) continue;
      if (judged.contains(cycle)) continue;
      std::vector<int> ages;
      for (int waiter : cycle) ages.push_back(threads_[waiter].wait->since);
      std::sort(ages.begin(), ages.end());
      const Order order = {cycle.size(), ages};
      if (!first || order < first->first) first = {order, cycle};
    }
    if (!first) return;

    const std::vector<int>& cycle = first->second;
    judged.insert(cycle);
    std::optional<int> victim;
    for (int waiter : cycle) {
      if (!threads_[waiter].wait->bounded) continue;
      if (!victim || threads_[waiter].wait->since > threads_[*victim].wait->since) victim = waiter;
    }
    Report(victim ? "resilient-deadlock" : "deadlock", thread).deadlocked_threads = cycle;
    if (victim) {
      const int lock = threads_[*victim].wait->lock;
      StopWaiting(*victim);
      Fail(*victim, lock);
      LetIn(lock);
    }
  }
}

// Gives `lock` to each waiter, in the order of their coming, that waits for nobody any more.
void ReferenceModel::LetIn(int lock) {
  const std::vector<int> queue = queues_[lock];
  for (int waiter : queue) {
    const Wait wait = *threads_[waiter].wait;
    if (!WaitsFor(waiter, lock, wait.mode).empty()) continue;
    StopWaiting(waiter);
    Grant(waiter, lock, wait.lock_class, wait.mode);
  }
}

void ReferenceModel::StopWaiting(int thread) {
  std::erase(queues_[threads_[thread].wait->lock], thread);
  threads_[thread].wait.reset();
}

}  // namespace rqlockdep
