// Lock pairs as a user's code has them, for object_code_test.sh to look at what the compiler made.
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"

extern "C" {

bool LockPairResilient(rqlockdep::ResilientSpinlock& lock) {
  if (lock.Acquire() != rqlockdep::LockResult::kOk) return false;
  lock.AssertHeld();
  lock.unlock();
  return true;
}

void LockPairQueued(rqlockdep::QueuedSpinlock& lock) {
  lock.lock();
  lock.unlock();
}

bool LockPairTry(rqlockdep::ResilientSpinlock& lock) {
  if (!lock.try_lock()) return false;
  lock.unlock();
  return true;
}
}

static_assert(RQLOCKDEP_VALIDATOR || sizeof(rqlockdep::ResilientSpinlock) == 4);
static_assert(RQLOCKDEP_VALIDATOR || sizeof(rqlockdep::QueuedSpinlock) == 4);
