// What every check gets: the thread, what it asks for, and the tables to look at; and the making of
// the parts of a Finding that all checks share.
//
// Made by the Validator under the graph lock for one event.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_CHECK_INPUT_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_CHECK_INPUT_H_

#include <cstdint>
#include <span>

#include "validator/core/environment.h"
#include "validator/core/finding.h"
#include "validator/core/finding_collector.h"
#include "validator/core/stack_depot.h"
#include "validator/core/thread_state.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

// What does not change from event to event.
struct CheckTables {
  DependencyGraph& graph;
  StackDepot& stacks;
  FindingCollector& findings;
  Environment& environment;
};

// One lock event as the checks see it.
class CheckInput {
 public:
  CheckInput(CheckTables& tables, ThreadState& thread, const hooks::LockMap* lock, ClassId class_id,
             LockMode mode, Strength strength, const CallSite& site)
      : tables_(tables),
        thread_(thread),
        lock_(lock),
        class_id_(class_id),
        mode_(mode),
        strength_(strength),
        site_(site) {}

  CheckTables& tables() const { return tables_; }
  DependencyGraph& graph() const { return tables_.graph; }
  FindingCollector& findings() const { return tables_.findings; }
  ThreadState& thread() const { return thread_; }
  const hooks::LockMap* lock() const { return lock_; }
  ClassId class_id() const { return class_id_; }
  ClassNode& lock_class() const { return tables_.graph.Class(class_id_); }
  LockMode mode() const { return mode_; }
  Strength strength() const { return strength_; }
  const CallSite& site() const { return site_; }

  // The stack of this event; captured at the first call.
  StackId Stack();

  // --- parts of a Finding ---
  // A finding on behalf of this thread with `lock` and `held` filled in.
  Finding NewFinding(FindingId id, Severity severity);
  // The lock of this event.
  FindingLock AskedLock();
  // A lock that some thread holds, without this_context.
  FindingLock Describe(const HeldLock& record);
  // A lock that `thread` holds.
  FindingLock Describe(ThreadState& thread, const HeldLock& record);
  // Everything that `thread` holds, oldest first.
  std::span<const FindingLock> DescribeHeld(ThreadState& thread);

  // True the first time for this id, the class of this event, its place, and `other` and `detail`,
  // whatever else makes a finding a different one. Asked before a finding is made, which takes
  // memory for good.
  bool IsNew(FindingId id, FindingDetail finding_detail, ClassId other = kNoClass,
             uint64_t detail = 0);
  // Queues the finding.
  void Report(const Finding& finding) { findings().Add(thread_, finding); }

 private:
  CheckTables& tables_;
  ThreadState& thread_;
  const hooks::LockMap* lock_;
  ClassId class_id_;
  LockMode mode_;
  Strength strength_;
  CallSite site_;
  StackId stack_ = kNoStack;
  bool stack_captured_ = false;
};

// The short stack of a call site.
StackId PutSite(StackDepot& stacks, const CallSite& site);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_CHECK_INPUT_H_
