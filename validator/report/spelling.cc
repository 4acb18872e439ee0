#include "validator/report/spelling.h"

namespace rqlockdep::report {

const char* CallName(LockKind kind, LockMode mode, Strength strength) {
  const bool shared = mode != LockMode::kExclusive;
  switch (kind) {
    case LockKind::kMap:
      return "map_acquire";
    case LockKind::kSection:
    case LockKind::kSectionNopreempt:
    case LockKind::kSectionSleepable:
      return "enter_section";
    default:
      break;
  }
  switch (strength) {
    case Strength::kBlocking:
      return shared ? "read_lock" : "lock";
    case Strength::kTimed:
      return shared ? "try_read_lock_for" : "try_lock_for";
    case Strength::kResilient:
      return shared ? "res_read_lock" : "res_spin_lock";
    case Strength::kTry:
      return shared ? "try_read_lock" : "try_lock";
  }
  return "lock";
}

const char* KindName(LockKind kind) {
  switch (kind) {
    case LockKind::kQspinlock:
      return "qspinlock";
    case LockKind::kRqspinlock:
      return "rqspinlock";
    case LockKind::kRawSpinlock:
      return "raw_spinlock";
    case LockKind::kSpinlock:
      return "spinlock";
    case LockKind::kRwlock:
      return "rwlock";
    case LockKind::kFairRwlock:
      return "fair_rwlock";
    case LockKind::kMutex:
      return "mutex";
    case LockKind::kRtmutex:
      return "rtmutex";
    case LockKind::kRecursiveMutex:
      return "recursive_mutex";
    case LockKind::kRwsem:
      return "rwsem";
    case LockKind::kLocalLock:
      return "local_lock";
    case LockKind::kMap:
      return "map";
    case LockKind::kSection:
      return "section";
    case LockKind::kSectionNopreempt:
      return "section_nopreempt";
    case LockKind::kSectionSleepable:
      return "section_sleepable";
  }
  return "lock";
}

const char* ModeName(LockMode mode) {
  switch (mode) {
    case LockMode::kExclusive:
      return "exclusive";
    case LockMode::kReader:
      return "shared";
    case LockMode::kRecursiveReader:
      return "shared, recursive";
  }
  return "exclusive";
}

const char* ContextName(ContextKind context) {
  switch (context) {
    case ContextKind::kHard:
      return "a signal handler";
    case ContextKind::kHardThreaded:
      return "a threaded signal handler";
    case ContextKind::kSoft:
      return "a deferred callback";
  }
  return "a handler";
}

const char* FailureName(FailReason reason) {
  switch (reason) {
    case FailReason::kBusy:
      return "\"busy\"";
    case FailReason::kTimedOut:
      return "\"timed out\" (ETIMEDOUT)";
    case FailReason::kDeadlock:
      return "\"deadlock\" (EDEADLK)";
  }
  return "an error";
}

const char* RankName(uint8_t rank) {
  switch (rank) {
    case 1:
      return "free";
    case 2:
      return "spin";
    case 3:
      return "adaptive";
    case 4:
      return "sleep";
    case 5:
      return "task";
    default:
      return "none";
  }
}

const char* RankProperty(uint8_t rank) {
  switch (rank) {
    case 1:
      return "never waits";
    case 2:
      return "at most spins";
    case 3:
      return "may sleep under contention";
    case 4:
      return "may sleep";
    default:
      return "may wait for long";
  }
}

const char* RankAllowance(uint8_t rank) {
  switch (rank) {
    case 1:
      return "no waiting";
    case 2:
      return "at most spinning";
    case 3:
      return "no sleep but under contention";
    case 4:
      return "no wait longer than for a lock";
    default:
      return "anything";
  }
}

const char* LimitName(Strength strength) {
  return strength == Strength::kResilient ? "its time limit (250 ms by default)"
                                          : "its own time limit";
}

}  // namespace rqlockdep::report
