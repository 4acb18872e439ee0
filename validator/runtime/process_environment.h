// The real process, as the validator needs it.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_ENVIRONMENT_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_ENVIRONMENT_H_

#include "validator/core/environment.h"
#include "validator/runtime/class_resolver.h"

namespace rqlockdep {

class ProcessEnvironment : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t capacity, uintptr_t caller) override;
  ClassKey ResolveClass(const hooks::LockMap& map) override { return resolver_.Resolve(map); }
  void Rest() override;
  void Warn(const char* message) override;

 private:
  ClassResolver resolver_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_ENVIRONMENT_H_
