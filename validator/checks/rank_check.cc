#include "validator/checks/rank_check.h"

#include "validator/checks/lock_kinds.h"

namespace rqlockdep {

uint8_t CurrentRank(CheckInput& input) {
  ThreadState& thread = input.thread();
  uint8_t rank = thread.context_depth == 0 ? kTaskRank : ContextRank(thread.context().kind);
  const uint32_t context = thread.context_number();
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const HeldLock& record = thread.held[i];
    if (record.context != context || record.is_waiting()) continue;
    const ClassId id = record.class_id();
    const uint8_t inner =
        id == kNoClass ? InnerRank(record.kind()) : InnerRank(input.graph().Class(id).info);
    if (inner != 0 && inner < rank) rank = inner;
  }
  return rank;
}

void CheckRank(CheckInput& input) {
  const uint8_t needed = OuterRank(input.lock_class().info);
  const uint8_t current = CurrentRank(input);
  if (needed <= current) return;
  if (!input.IsNew(FindingId::kInvalidWaitContext, FindingDetail::kNone, kNoClass, current)) return;
  const bool in_context = input.thread().context_depth > 0;
  Finding finding = input.NewFinding(FindingId::kInvalidWaitContext,
                                     in_context ? Severity::kError : Severity::kWarning);
  finding.rank_needed = needed;
  finding.rank_current = current;
  input.Report(finding);
}

}  // namespace rqlockdep
