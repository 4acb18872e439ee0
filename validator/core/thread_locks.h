// What one thread holds and waits for, for a list of all threads.
#ifndef RQLOCKDEP_VALIDATOR_CORE_THREAD_LOCKS_H_
#define RQLOCKDEP_VALIDATOR_CORE_THREAD_LOCKS_H_

#include <span>

#include "validator/core/finding.h"
#include "validator/core/ids.h"

namespace rqlockdep {

struct ThreadLocks {
  ThreadId thread = kNoThread;
  bool ended = false;
  // It took or gave back locks while it was looked at: some may be missing or be held no more.
  bool changing = false;
  // Oldest first. `waiting`: it waits for this one; several, if signal handlers wait.
  std::span<const FindingLock> locks;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_THREAD_LOCKS_H_
