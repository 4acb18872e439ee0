// Nested: what an acquisition tells the validator about locks of one class taken inside each other.
//
//   lock.lock(Nested{.subclass = 1});         // children after parents: a class of its own
//   lock.lock(Nested{.nest = &table_lock});   // serialised: whoever nests holds table_lock
//
// It changes nothing about the lock itself; with the validator off it is ignored.
#ifndef RQLOCKDEP_NESTED_H_
#define RQLOCKDEP_NESTED_H_

#include <cstdint>

#include "rqlockdep/hooks.h"

namespace rqlockdep {

// The lock that serialises a nesting: the address of any lock that has the hooks and says so with
// a member `const hooks::LockMap& lock_map() const`. Not owned.
class NestLock {
 public:
  constexpr NestLock() = default;
  template <class Lock>
  // NOLINTNEXTLINE(google-explicit-constructor): so that `.nest = &outer` works.
  constexpr NestLock(const Lock* lock) : map_(&lock->lock_map()) {}

  constexpr const hooks::LockMap* map() const { return map_; }

 private:
  const hooks::LockMap* map_ = nullptr;
};

struct Nested {
  uint8_t subclass = 0;  // 0 to 7
  NestLock nest = {};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_NESTED_H_
