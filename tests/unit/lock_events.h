// Sequences of the validator's events that traces cannot say: waits that last, order functions,
// handlers that nobody declared. Plain data, without any validator.
#ifndef RQLOCKDEP_TESTS_UNIT_LOCK_EVENTS_H_
#define RQLOCKDEP_TESTS_UNIT_LOCK_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "rqlockdep/acquisition.h"

namespace rqlockdep {

struct Event {
  enum class Type : uint8_t {
    kAcquire,    // not a try
    kTry,        // with its outcome
    kWait,       // the acquisition just begun really waits
    kAcquired,   // a wait has ended well
    kFail,       // a wait or an acquisition just begun has failed
    kRelease,    // the newest hold in this context
    kDowngrade,  // the newest exclusive hold in this context
    kEnter,
    kLeave,
    kMask,
    kUnmask,
  };
  static constexpr int kNone = -1;

  Type type = Type::kAcquire;
  int thread = 0;
  int lock = kNone;  // all but contexts and masks
  // kAcquire and kTry.
  LockMode mode = LockMode::kExclusive;
  Strength strength = Strength::kBlocking;
  uint8_t subclass = 0;
  int nest = kNone;
  bool got_it = true;                         // kTry
  FailReason reason = FailReason::kTimedOut;  // kFail
  ContextKind context = ContextKind::kHard;   // kEnter, kMask, kUnmask
};

struct ClassDescription {
  LockKind kind = LockKind::kMutex;
  bool ordered = false;  // it has an order function: by rank
};

struct LockDescription {
  int lock_class = 0;
  int rank = 0;
};

struct EventSequence {
  static constexpr int kMostClasses = 6;

  std::vector<ClassDescription> classes;
  std::vector<LockDescription> locks;
  int threads = 0;
  std::vector<Event> events;

  LockKind KindOf(int lock) const { return classes[locks[lock].lock_class].kind; }
};

// "A" for class 0.
const char* ClassName(int lock_class);

// Lines for people: the locks that occur, then the events.
std::string ToString(const EventSequence& sequence);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_LOCK_EVENTS_H_
