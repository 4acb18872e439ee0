#include "tests/reference/reference_model.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "rqlockdep/acquisition.h"

namespace rqlockdep {

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

bool ReferenceModel::Holds(const Thread& thread, int lock) {
  return std::any_of(thread.held.begin(), thread.held.end(),
                     [&](const HeldLock& hold) { return hold.lock == lock; });
}

bool ReferenceModel::HoldsExclusively(const Thread& thread, int lock) {
  return std::any_of(thread.held.begin(), thread.held.end(), [&](const HeldLock& hold) {
    return hold.lock == lock && hold.mode == LockMode::kExclusive;
  });
}

}  // namespace rqlockdep
