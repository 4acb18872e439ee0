#include "validator/checks/balance_check.h"

namespace rqlockdep {

void ReportUnbalancedRelease(CheckInput& input, bool downgrade, const ThreadState* owner) {
  ThreadState& thread = input.thread();
  Finding finding = input.NewFinding(FindingId::kUnbalancedRelease, Severity::kError);
  const ContextLevel& context = thread.context();
  if (downgrade) {
    finding.detail = FindingDetail::kDowngradeNotExclusive;
  } else if (thread.held.Find(input.lock()) != HeldStack::kNone) {
    finding.detail = FindingDetail::kHeldOutsideContext;
  } else if (context.last_failed == input.lock()) {
    finding.detail = FindingDetail::kAcquisitionFailed;
    finding.fail_reason = context.last_fail_reason;
  } else if (owner != nullptr) {
    finding.detail = FindingDetail::kHeldByOther;
  } else {
    finding.detail = FindingDetail::kNotHeld;
  }
  if (owner != nullptr) finding.other_thread = owner->id();
  input.ReportOnce(finding);
}

void ReportHeldLockDestroyed(CheckInput& input, FindingDetail detail, ThreadState& owner) {
  Finding finding = input.NewFinding(FindingId::kHeldLockDestroyed, Severity::kError);
  finding.detail = detail;
  finding.other_thread = owner.id();
  const uint32_t index = owner.held.Find(input.lock());
  // The owner may be running; of another thread only the lock itself is told.
  if (&owner == &input.thread() && index != HeldStack::kNone) {
    finding.other = input.Describe(owner, owner.held[index]);
  }
  input.ReportOnce(finding);
}

void ReportHeldAtExit(CheckInput& input, FindingDetail detail) {
  Finding finding = input.NewFinding(FindingId::kHeldAtExit, Severity::kError);
  finding.detail = detail;
  // What is held makes it a different one: the place of a thread's end is always the same.
  uint64_t held = kEmptyChain;
  for (const FindingLock& lock : finding.held) {
    held = MixChain(held, lock.lock_class == nullptr ? 0 : lock.lock_class->id);
    held = MixChain(held, lock.site.frames[0]);
  }
  input.ReportOnce(finding, held);
}

void ReportNotUnwound(CheckInput& input, FailReason reason) {
  Finding finding = input.NewFinding(FindingId::kNotUnwound, Severity::kWarning);
  finding.fail_reason = reason;
  input.ReportOnce(finding);
}

}  // namespace rqlockdep
