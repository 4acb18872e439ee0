// What follows from a lock's kind alone (docs/semantics.md, sections 1, 2 and 6).
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_LOCK_KINDS_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_LOCK_KINDS_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/lock_class.h"
#include "validator/core/class_info.h"

namespace rqlockdep {

constexpr bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

// Whether order is checked at all.
constexpr bool IsChecked(LockKind kind) { return !IsSection(kind); }

// Whether holding it keeps other threads out, so that it can be a guard, and counts as something to
// give back.
constexpr bool IsRealLock(LockKind kind) {
  return !IsSection(kind) && kind != LockKind::kMap && kind != LockKind::kLocalLock;
}

// What a shared acquisition of the kind means.
constexpr LockMode SharedMode(LockKind kind, bool inside_context) {
  switch (kind) {
    case LockKind::kFairRwlock:
      return inside_context ? LockMode::kRecursiveReader : LockMode::kReader;
    case LockKind::kRwsem:
      return LockMode::kReader;
    default:
      return LockMode::kRecursiveReader;
  }
}

// Wait ranks: free 1, spin 2, adaptive 3, sleep 4, task 5; 0 is unchecked.
inline constexpr uint8_t kTaskRank = 5;

// The rank that an acquisition needs.
constexpr uint8_t OuterRank(LockKind kind) {
  switch (kind) {
    case LockKind::kSection:
    case LockKind::kSectionNopreempt:
    case LockKind::kSectionSleepable:
      return 1;
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
  }
  return 0;
}

// The rank that it puts its holder at.
constexpr uint8_t InnerRank(LockKind kind) {
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

// With what the lock's class declares.
constexpr uint8_t RankOr(WaitRank declared, uint8_t of_kind) {
  if (declared == WaitRank::kOfKind) return of_kind;
  return declared == WaitRank::kUnchecked ? 0 : static_cast<uint8_t>(declared);
}
constexpr uint8_t OuterRank(const ClassInfo& info) {
  return RankOr(info.key.ranks.outer, OuterRank(info.kind));
}
constexpr uint8_t InnerRank(const ClassInfo& info) {
  return RankOr(info.key.ranks.inner, InnerRank(info.kind));
}

constexpr uint8_t ContextRank(ContextKind kind) { return kind == ContextKind::kHard ? 2 : 3; }

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_LOCK_KINDS_H_
