#include "tests/reference/reference_lock_kinds.h"

#include <cstddef>
#include <iterator>

namespace rqlockdep::reference {
namespace {

constexpr LockMode kAlone = LockMode::kExclusive;  // `read` is malformed
constexpr LockMode kReader = LockMode::kReader;
constexpr LockMode kRecursive = LockMode::kRecursiveReader;

// The table of docs/trace-format.md, a line a kind.
struct Row {
  LockKind kind;
  bool waits;
  LockMode read_outside;  // what `read` means outside of contexts
  LockMode read_inside;
  int outer_rank;
  int inner_rank;
};
constexpr Row kRows[] = {
    {LockKind::kQspinlock, true, kAlone, kAlone, 2, 2},
    {LockKind::kRqspinlock, true, kAlone, kAlone, 2, 2},
    {LockKind::kRawSpinlock, true, kAlone, kAlone, 2, 2},
    {LockKind::kSpinlock, true, kAlone, kAlone, 3, 3},
    {LockKind::kRwlock, true, kRecursive, kRecursive, 3, 3},
    {LockKind::kFairRwlock, true, kReader, kRecursive, 3, 3},
    {LockKind::kMutex, true, kAlone, kAlone, 4, 4},
    {LockKind::kRtmutex, true, kAlone, kAlone, 4, 4},
    {LockKind::kRecursiveMutex, true, kAlone, kAlone, 4, 4},
    {LockKind::kRwsem, true, kReader, kReader, 4, 4},
    {LockKind::kLocalLock, false, kAlone, kAlone, 3, 3},
    {LockKind::kMap, false, kRecursive, kRecursive, 0, 0},
    {LockKind::kSection, false, kRecursive, kRecursive, 1, 3},
    {LockKind::kSectionNopreempt, false, kRecursive, kRecursive, 1, 2},
    {LockKind::kSectionSleepable, false, kRecursive, kRecursive, 1, 0},
};
static_assert(std::size(kRows) == kLockKindCount);

const Row& RowOf(LockKind kind) {
  size_t i = 0;
  while (kRows[i].kind != kind) ++i;
  return kRows[i];
}

}  // namespace

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

bool NeverWaits(LockKind kind) { return !RowOf(kind).waits; }

bool KeepsOthersAway(LockKind kind) { return !NeverWaits(kind); }

LockMode ModeOf(LockKind kind, bool read, bool inside_context) {
  if (!read && !IsSection(kind)) return LockMode::kExclusive;
  return inside_context ? RowOf(kind).read_inside : RowOf(kind).read_outside;
}

Strength PlainStrength(LockKind kind) {
  return kind == LockKind::kRqspinlock ? Strength::kResilient : Strength::kBlocking;
}

int OuterRank(LockKind kind) { return RowOf(kind).outer_rank; }

int InnerRank(LockKind kind) { return RowOf(kind).inner_rank; }

}  // namespace rqlockdep::reference
