#include "validator/core/finding.h"

namespace rqlockdep {

const char* ToString(FindingId id) {
  switch (id) {
    case FindingId::kCircularDependency:
      return "circular-dependency";
    case FindingId::kResilientCycle:
      return "resilient-cycle";
    case FindingId::kRecursiveLocking:
      return "recursive-locking";
    case FindingId::kNestLockNotHeld:
      return "nest-lock-not-held";
    case FindingId::kInconsistentContext:
      return "inconsistent-context";
    case FindingId::kContextInversion:
      return "context-inversion";
    case FindingId::kInvalidWaitContext:
      return "invalid-wait-context";
    case FindingId::kUnbalancedRelease:
      return "unbalanced-release";
    case FindingId::kHeldLockDestroyed:
      return "held-lock-destroyed";
    case FindingId::kHeldAtExit:
      return "held-at-exit";
    case FindingId::kNotUnwound:
      return "not-unwound";
    case FindingId::kDeadlock:
      return "deadlock";
    case FindingId::kResilientDeadlock:
      return "resilient-deadlock";
  }
  return "unknown";
}

const char* ToString(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

const char* ToString(Confidence confidence) {
  switch (confidence) {
    case Confidence::kFewThreads:
      return "few-threads";
    case Confidence::kSingleThread:
      return "single-thread";
    case Confidence::kWitnessed:
      return "witnessed";
  }
  return "unknown";
}

}  // namespace rqlockdep
