// What the tests of ResilientSpinlock share.
#ifndef RQLOCKDEP_TESTS_UNIT_RESILIENT_SPINLOCK_FIXTURE_H_
#define RQLOCKDEP_TESTS_UNIT_RESILIENT_SPINLOCK_FIXTURE_H_

#include <thread>

#include "rqlockdep/resilient_spinlock.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {

// Runs `body` on a thread of its own and waits for it.
template <class Body>
void OnAnotherThread(Body body) {
  std::thread(body).join();
}

// Whether another thread gets the lock at once: it is free and in order.
inline bool FreeForOthers(ResilientSpinlock& lock) {
  bool got_it = false;
  OnAnotherThread([&] {
    got_it = lock.try_lock();
    if (got_it) lock.unlock();
  });
  return got_it;
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_RESILIENT_SPINLOCK_FIXTURE_H_
