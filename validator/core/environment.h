// What a Validator needs from the world around it. The runtime gives it the real process; a replay
// gives it simulated threads and the lines of a trace. The core does nothing else that leaves it.
#ifndef RQLOCKDEP_VALIDATOR_CORE_ENVIRONMENT_H_
#define RQLOCKDEP_VALIDATOR_CORE_ENVIRONMENT_H_

#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/class_info.h"

namespace rqlockdep {

class Environment {
 public:
  virtual ~Environment() = default;

  // Writes the return addresses of the calling thread's stack, innermost first, starting at the
  // code that called the hook, whose address is `caller` (0: unknown); returns how many.
  // Signal-safe, takes no lock that a program holds.
  virtual size_t CaptureStack(uintptr_t* frames, size_t capacity, uintptr_t caller) = 0;

  // Says which class a lock without one belongs to. Called once a lock, under the graph lock: must
  // be signal-safe and must not call the validator.
  virtual ClassKey ResolveClass(const hooks::LockMap& map) = 0;

  // Lets the other threads run for a moment, some 2 ms.
  virtual void Rest() {}

  // The validator itself is in trouble, such as no memory; called at most once for each `message`,
  // a literal.
  virtual void Warn(const char* message) = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_ENVIRONMENT_H_
