// What was seen of an edge of the lock-order graph (docs/semantics.md, section 2).
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_OBSERVATION_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_OBSERVATION_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "validator/core/ids.h"
#include "validator/graph/guard_set.h"

namespace rqlockdep {

using ObservationId = uint32_t;
inline constexpr ObservationId kNoObservation = 0;

// One lock taken or asked for, as an observation or a use remembers it for the report.
struct Witness {
  const void* held_instance = nullptr;
  const void* asked_instance = nullptr;
  ThreadId thread = kNoThread;
  StackId asked_stack = kNoStack;
  StackId held_site = kNoStack;   // the exact place where the held lock was taken (a short stack)
  StackId held_stack = kNoStack;  // the whole stack of that
  bool held_stack_is_exact = false;
  LockMode held_mode = LockMode::kExclusive;
  LockMode asked_mode = LockMode::kExclusive;
  Strength held_strength = Strength::kBlocking;
};

// 48 bytes: a large program has a million of them.
class Observation {
 public:
  Observation() = default;
  Observation(const Witness& witness, Strength strength, GuardSetId guard_set)
      : guards(guard_set),
        held_stack_is_exact_(witness.held_stack_is_exact),
        held_mode_(static_cast<uint16_t>(witness.held_mode)),
        asked_mode_(static_cast<uint16_t>(witness.asked_mode)),
        held_strength_(static_cast<uint16_t>(witness.held_strength)),
        strength_(static_cast<uint16_t>(strength)),
        thread_(witness.thread),
        asked_stack_(witness.asked_stack),
        held_site_(witness.held_site),
        held_stack_(witness.held_stack),
        held_instance_(witness.held_instance),
        asked_instance_(witness.asked_instance) {}

  // Of the first time.
  Witness witness() const {
    return {held_instance_,
            asked_instance_,
            thread_,
            asked_stack_,
            held_site_,
            held_stack_,
            held_stack_is_exact_ != 0,
            static_cast<LockMode>(held_mode_),
            static_cast<LockMode>(asked_mode_),
            static_cast<Strength>(held_strength_)};
  }
  // Dependency type S, else E.
  bool held_shared() const { return static_cast<LockMode>(held_mode_) != LockMode::kExclusive; }
  // Dependency type R, else N.
  bool asked_recursive() const {
    return static_cast<LockMode>(asked_mode_) == LockMode::kRecursiveReader;
  }
  Strength strength() const { return static_cast<Strength>(strength_); }
  // Another observation says more.
  bool dropped() const { return dropped_ != 0; }
  void Drop() { dropped_ = 1; }

  GuardSetId guards = kNoGuards;
  ObservationId next = kNoObservation;  // of the same edge
  ObservationId next_with_same_guards = kNoObservation;

 private:
  // The numbers of the two enumerations have two bits.
  uint16_t held_stack_is_exact_ : 1 = 0;
  uint16_t dropped_ : 1 = 0;
  uint16_t held_mode_ : 2 = 0;
  uint16_t asked_mode_ : 2 = 0;
  uint16_t held_strength_ : 2 = 0;
  uint16_t strength_ : 2 = 0;
  ThreadId thread_ = kNoThread;
  StackId asked_stack_ = kNoStack;
  StackId held_site_ = kNoStack;
  StackId held_stack_ = kNoStack;
  const void* held_instance_ = nullptr;
  const void* asked_instance_ = nullptr;
};
static_assert(sizeof(Observation) == 48);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_OBSERVATION_H_
