// An explicit lock class: a name that many lock instances share, and what the validator should know
// of them together.
//
// The validator learns orders between classes, not between instances. A lock without an explicit
// class belongs to the place in the source where it was constructed; that is right for most locks.
// Give a class where one place constructs locks of different roles, or where several places
// construct locks of one role, or where the class needs an order function or ranks of its own.
//
//   constinit rqlockdep::LockClass kBucketClass("hashtab.bucket");
//   rqlockdep::ResilientSpinlock lock(kBucketClass);
//
// A LockClass must outlive every lock that names it: make it static. It is never written after
// construction. It exists in all builds; with the validator off it is an unused constant.
#ifndef RQLOCKDEP_LOCK_CLASS_H_
#define RQLOCKDEP_LOCK_CLASS_H_

#include <cstdint>

namespace rqlockdep {

// What a lock needs or leaves: may the thread sleep, and where (docs/semantics.md, section 6)?
enum class WaitRank : uint8_t {
  kOfKind,     // as all locks of this kind
  kFree,       // never waits
  kSpin,       // spins; nothing that sleeps
  kAdaptive,   // may sleep, but not in a handler
  kSleep,      // sleeps
  kUnchecked,  // needs nothing, leaves everything
};

// The ranks of a class. `outer` is what an acquisition needs: it must not be above the rank that
// the thread is at. `inner` is the rank that it puts its holder at.
//
//   // A mutex that whoever spins may take: it is never held for long.
//   constinit rqlockdep::LockClass kLogClass("log", nullptr, {.outer =
//   rqlockdep::WaitRank::kSpin});
struct WaitRanks {
  WaitRank outer = WaitRank::kOfKind;
  WaitRank inner = WaitRank::kOfKind;
};

class LockClass {
 public:
  // Says whether `held` may be held while `asked`, another instance of the same class, is asked
  // for. Both are the addresses of the lock objects (the mutex, not a member of it). It is called
  // before the wait, on the thread that asks, for each held instance of the class; it must not take
  // locks, allocate or throw.
  using OrderFunction = bool (*)(const void* held, const void* asked);

  constexpr explicit LockClass(const char* class_name, OrderFunction order_function = nullptr,
                               WaitRanks wait_ranks = {})
      : name_(class_name), order_(order_function), ranks_(wait_ranks) {}
  LockClass(const LockClass&) = delete;
  LockClass& operator=(const LockClass&) = delete;

  constexpr const char* name() const { return name_; }
  constexpr OrderFunction order() const { return order_; }
  constexpr WaitRanks ranks() const { return ranks_; }

 private:
  const char* name_;  // not owned; a string literal
  OrderFunction order_;
  WaitRanks ranks_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_LOCK_CLASS_H_
