// The locks of all threads, read while those threads run.
#ifndef RQLOCKDEP_VALIDATOR_LOCK_SNAPSHOT_H_
#define RQLOCKDEP_VALIDATOR_LOCK_SNAPSHOT_H_

#include <span>

#include "validator/core/arena.h"
#include "validator/core/thread_locks.h"
#include "validator/validator.h"

namespace rqlockdep {

// Threads that hold or wait for anything, the oldest first; what is returned lies in `arena`. Takes
// no lock; signal-safe. No lock is touched, only records of them. Each record is copied whole or
// left out: the copy is thrown away if the record has changed meanwhile. `*others` is the number of
// running threads that hold nothing.
std::span<const ThreadLocks> TakeLockSnapshot(const Validator& validator, Arena& arena,
                                              size_t* others);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_LOCK_SNAPSHOT_H_
