// A lock that does nothing but have a LockMap, for tests of how locks are told apart. The one hook
// that it calls is in test_lock.cc, as the runtime has it: such a test does not link the runtime's.
#ifndef RQLOCKDEP_TESTS_UNIT_TEST_LOCK_H_
#define RQLOCKDEP_TESTS_UNIT_TEST_LOCK_H_

#include "rqlockdep/hooks.h"

namespace rqlockdep {

struct TestLock {
  [[gnu::always_inline]] constexpr TestLock(hooks::ConstructionHint hint = {})
      : map(LockKind::kMutex, hint) {}
  constexpr explicit TestLock(const LockClass& lock_class) : map(LockKind::kMutex, lock_class) {}

  hooks::LockMap map;
  int word = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_TEST_LOCK_H_
