#include "rqlockdep/internal/lock_operations.h"

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/held_table.h"
#include "src/native_policy.h"
#include "src/spinlock_slow_path.h"
#include "src/thread_slot_table.h"

namespace rqlockdep::internal {

namespace {

using SlowPath = SpinlockSlowPath<NativePolicy>;
using Table = HeldTable<NativeAtomics>;

}  // namespace

LockResult AcquireSlow(LockWord& word, Cell* attempt, int64_t nanoseconds, WaitObserver observer) {
  NativePolicy policy;
  return SlowPath(policy).Acquire(word, CurrentSlot(), attempt,
                                  WaitLimit{.nanoseconds = nanoseconds}, observer);
}

LockResult AcquireSlowUntil(LockWord& word, Cell* attempt, RemainingFunction remaining,
                            const void* argument, WaitObserver observer) {
  NativePolicy policy;
  return SlowPath(policy).Acquire(word, CurrentSlot(), attempt,
                                  WaitLimit{.remaining = remaining, .argument = argument},
                                  observer);
}

bool TryAcquireSlow(LockWord& word, Cell* attempt) {
  NativePolicy policy;
  return SlowPath(policy).TryAcquire(word, CurrentSlot(), attempt);
}

void ReleaseSlow(LockWord& word) {
  NativePolicy policy;
  // The hook has reported a lock that was not held, if anyone listens.
  static_cast<void>(SlowPath(policy).Release(word, CurrentSlotIfAny()));
}

bool IsHeld(const LockWord& word) {
  NativePolicy policy;
  ThreadSlot* const slot = CurrentSlotIfAny();
  return (slot != nullptr && Table::FindHeld(*slot, word) != nullptr) ||
         SlowPath(policy).HoldsUnlisted(word);
}

void Forget(LockWord& word) {
  ThreadSlot* const slot = CurrentSlotIfAny();
  if (slot == nullptr) return;
  // Relaxed: for other threads a hold that ends is not urgent. More than one cell if it happened
  // before, without the validator.
  while (Cell* const cell = Table::FindHeld(*slot, word)) {
    cell->lock.store(kFreeCell, std::memory_order_relaxed);
  }
}

void LockSlow(LockWord& word, WaitObserver observer) {
  NativePolicy policy;
  SlowPath(policy).Lock(word, CurrentSlot(), observer);
}

bool TryLockSlow(LockWord& word) {
  NativePolicy policy;
  return SlowPath(policy).TryLock(word);
}

void UnlockSlow(LockWord& word) {
  NativePolicy policy;
  SlowPath(policy).Unlock(word);
}

}  // namespace rqlockdep::internal
