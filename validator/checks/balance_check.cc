#include "validator/checks/balance_check.h"

namespace rqlockdep {

void ReportUnbalancedRelease(CheckInput& input, bool downgrade, const ThreadState* owner) {
  ThreadState& thread = input.thread();
  const ContextLevel& context = thread.context();
  FindingDetail detail = FindingDetail::kNotHeld;
  if (downgrade) {
    detail = FindingDetail::kDowngradeNotExclusive;
  } else if (thread.held.Find(input.lock()) != HeldStack::kNone) {
    detail = FindingDetail::kHeldOutsideContext;
  } else if (context.last_failed == input.lock()) {
    detail = FindingDetail::kAcquisitionFailed;
  } else if (owner != nullptr) {
    detail = FindingDetail::kHeldByOther;
  }
  if (!input.IsNew(FindingId::kUnbalancedRelease, detail)) return;
  Finding finding = input.NewFinding(FindingId::kUnbalancedRelease, Severity::kError);
  finding.detail = detail;
  if (detail == FindingDetail::kAcquisitionFailed) finding.fail_reason = context.last_fail_reason;
  if (owner != nullptr) finding.other_thread = owner->id();
  input.Report(finding);
}

void ReportHeldLockDestroyed(CheckInput& input, FindingDetail detail, ThreadState& owner) {
  if (!input.IsNew(FindingId::kHeldLockDestroyed, detail)) return;
  Finding finding = input.NewFinding(FindingId::kHeldLockDestroyed, Severity::kError);
  finding.detail = detail;
  finding.other_thread = owner.id();
  // Another thread may be running: of its hold nothing but the fact is told.
  if (&owner == &input.thread()) {
    const uint32_t index = owner.held.Find(input.lock());
    if (index != HeldStack::kNone) finding.other = input.Describe(owner, owner.held[index]);
  }
  input.Report(finding);
}

void ReportHeldAtExit(CheckInput& input, FindingDetail detail) {
  // What is held makes it a different one: the place of a thread's end is always the same.
  uint64_t held = kEmptyChain;
  for (uint32_t i = 0; i < input.thread().held.depth(); ++i) {
    const HeldLock& record = input.thread().held[i];
    held = MixChain(MixChain(held, record.class_id()), record.site.frames[0]);
  }
  if (!input.IsNew(FindingId::kHeldAtExit, detail, kNoClass, held)) return;
  Finding finding = input.NewFinding(FindingId::kHeldAtExit, Severity::kError);
  finding.detail = detail;
  input.Report(finding);
}

void ReportNotUnwound(CheckInput& input, FailReason reason) {
  if (!input.IsNew(FindingId::kNotUnwound, FindingDetail::kNone)) return;
  Finding finding = input.NewFinding(FindingId::kNotUnwound, Severity::kWarning);
  finding.fail_reason = reason;
  input.Report(finding);
}

}  // namespace rqlockdep
