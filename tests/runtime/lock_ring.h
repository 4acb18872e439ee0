// A ring of threads, each of which holds one lock and asks for the lock of the next, of any kinds.
#ifndef RQLOCKDEP_TESTS_RUNTIME_LOCK_RING_H_
#define RQLOCKDEP_TESTS_RUNTIME_LOCK_RING_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rqlockdep/lock_class.h"

namespace rqlockdep {

// A lock of some kind, with the ways in which a member of a ring takes it.
class RingLock {
 public:
  virtual ~RingLock() = default;
  // By the thread that the lock is the own lock of. It is free.
  virtual void Hold() = 0;
  virtual void GiveBackOwn() = 0;
  // By the thread before. False if that fails.
  virtual bool Ask() = 0;
  virtual void GiveBack() = 0;
};

// The kinds, by letter:
//   m  Validated<std::mutex>            M  recursive_mutex, held twice
//   t  timed_mutex, asked for with a limit that is not reached
//   w  shared_mutex, held and asked for exclusively
//   r  shared_mutex, held shared, asked for exclusively
//   x  shared_mutex, held exclusively, asked for shared
//   a  absl::Mutex                      A  absl::Mutex, held by a reader
//   P  pthread_mutex_t
//   y  pthread_rwlock_t, held shared, asked for exclusively
//   p  pthread_rwlock_t, held exclusively, asked for shared, by a reader that may be recursive
//   q  QueuedSpinlock                   c  raw_spin_lock of the C interface
//   R  ResilientSpinlock                C  res_spin_lock of the C interface
std::unique_ptr<RingLock> MakeRingLock(char kind, const LockClass& lock_class);

struct RingOutcome {
  int failed = 0;  // how many members did not get the other lock
  std::vector<bool> failed_members;
};

// One thread for each letter. Each takes its own lock; when all have, each asks for that of the
// next, in the order of their numbers as far as the scheduler lets them. Whoever fails gives its
// own lock back. Returns when all have ended.
RingOutcome RunRing(std::string_view kinds);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_RUNTIME_LOCK_RING_H_
