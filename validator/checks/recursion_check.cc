#include "validator/checks/recursion_check.h"

namespace rqlockdep {
namespace {

bool IsRead(LockMode mode) { return mode != LockMode::kExclusive; }

}  // namespace

bool IsOtherOfClass(const HeldLock& record, const hooks::LockMap* lock, ClassId class_id) {
  return record.class_id() == class_id && record.lock.load(std::memory_order_relaxed) != lock &&
         !record.is_waiting();
}

uint32_t OldestSerialisingHold(const ThreadState& thread, const hooks::LockMap* nest) {
  uint32_t oldest = HeldStack::kNone;
  for (uint32_t i = thread.held.Find(nest); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    const HeldLock& record = thread.held[i];
    if (record.is_waiting()) continue;
    if (record.kind() == LockKind::kMap || record.mode() == LockMode::kExclusive) {
      oldest = i;
    }
  }
  return oldest;
}

void CheckRecursion(CheckInput& input, const hooks::LockMap* nest) {
  const ThreadState& thread = input.thread();
  ClassNode& node = input.lock_class();
  const uint32_t nest_hold =
      nest == nullptr ? HeldStack::kNone : OldestSerialisingHold(thread, nest);
  const ClassId nest_class =
      nest_hold == HeldStack::kNone ? kNoClass : thread.held[nest_hold].class_id();
  bool reported = false;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const HeldLock& record = thread.held[i];
    if (!IsOtherOfClass(record, input.lock(), input.class_id())) continue;
    if (IsRead(record.mode()) && input.mode() == LockMode::kRecursiveReader) {
      continue;
    }
    const LockClass::OrderFunction order = node.info.key.order;
    if (order != nullptr && order(record.lock.load(std::memory_order_relaxed), input.lock())) {
      continue;
    }
    if (nest_hold != HeldStack::kNone && nest_hold < i &&
        (node.nest_class == kNoClass || node.nest_class == nest_class)) {
      node.nest_class = nest_class;
      continue;
    }
    // One finding, but what the nest lock excuses after it is accepted all the same.
    if (reported) continue;
    reported = true;
    if (!input.IsNew(FindingId::kRecursiveLocking, FindingDetail::kSameClass)) continue;
    Finding finding = input.NewFinding(FindingId::kRecursiveLocking, Severity::kError);
    finding.detail = FindingDetail::kSameClass;
    finding.other = input.Describe(input.thread(), record);
    input.Report(finding);
  }
}

void ReportSelfDeadlock(CheckInput& input) {
  if (!input.IsNew(FindingId::kRecursiveLocking, FindingDetail::kSelfDeadlock)) return;
  const bool blocking = input.strength() == Strength::kBlocking;
  Finding finding = input.NewFinding(FindingId::kRecursiveLocking,
                                     blocking ? Severity::kError : Severity::kWarning);
  finding.detail = FindingDetail::kSelfDeadlock;
  const uint32_t index = input.thread().held.Find(input.lock());
  finding.other = input.Describe(input.thread(), input.thread().held[index]);
  input.Report(finding);
}

void ReportNestLockNotHeld(CheckInput& input, const hooks::LockMap* nest, ClassId nest_class) {
  if (!input.IsNew(FindingId::kNestLockNotHeld, FindingDetail::kNone, nest_class)) return;
  Finding finding = input.NewFinding(FindingId::kNestLockNotHeld, Severity::kError);
  finding.other.instance = nest;
  if (nest_class != kNoClass) finding.other.lock_class = &input.graph().Class(nest_class).info;
  input.Report(finding);
}

}  // namespace rqlockdep
