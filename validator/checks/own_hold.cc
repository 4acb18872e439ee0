#include "validator/checks/own_hold.h"

namespace rqlockdep {

bool HoldsReally(const ThreadState& thread, const hooks::LockMap* lock) {
  for (uint32_t i = thread.held.Find(lock); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    if (!thread.held[i].is_waiting()) return true;
  }
  return false;
}

OwnHold ClassifyOwnHold(const ThreadState& thread, const hooks::LockMap* lock, LockKind kind,
                        LockMode mode, Strength strength) {
  bool held = false;
  bool only_shared = true;
  for (uint32_t i = thread.held.Find(lock); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    const HeldLock& record = thread.held[i];
    if (record.is_waiting()) continue;
    held = true;
    if (record.mode() == LockMode::kExclusive) only_shared = false;
  }
  if (!held) return OwnHold::kNone;
  if (kind == LockKind::kRecursiveMutex) return OwnHold::kReentry;
  if (mode == LockMode::kRecursiveReader && only_shared) return OwnHold::kReentry;
  if (strength == Strength::kTry) return OwnHold::kTry;
  if (kind == LockKind::kRqspinlock) return OwnHold::kResilientAa;
  return OwnHold::kSelfDeadlock;
}

}  // namespace rqlockdep
