#include "tests/reference/reference_lock_kinds.h"

namespace rqlockdep::reference {

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

bool NeverWaits(LockKind kind) {
  return kind == LockKind::kMap || kind == LockKind::kLocalLock || IsSection(kind);
}

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

Strength PlainStrength(LockKind kind) {
  return kind == LockKind::kRqspinlock ? Strength::kResilient : Strength::kBlocking;
}

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

}  // namespace rqlockdep::reference
