// The one validator of this process, and everything it needs, in the one place where global state
// lives: options, thread-locals, exit, fork.
//
// It is made at the first hook or before main, whichever comes first, and never destroyed: locks
// are used after main too.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_RUNTIME_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_RUNTIME_H_

#include <cstddef>

#include "validator/runtime/finding_reporter.h"
#include "validator/runtime/options.h"
#include "validator/runtime/process_environment.h"
#include "validator/runtime/process_names.h"
#include "validator/runtime/thread_context.h"
#include "validator/validator.h"

namespace rqlockdep {

class Runtime {
 public:
  // The process's runtime; null when the validator is switched off (enabled=0). Signal-safe.
  static Runtime* Get();

  // The same where it is known to have been made: its address is a constant.
  static Runtime& GetMade();

  // Attaches the calling thread: t_context.state is set on return, unless there is no memory. The
  // thread's end is noticed from then on.
  bool AttachThread();

  Validator& validator() { return validator_; }

  // rqlockdep/show_locks.h.
  void ShowAllLocks();

 private:
  explicit Runtime(const Options& options);

  static Runtime* Make();
  // Has ShowAllLocks called when the signal comes.
  static void InstallDumpSignal(int signal);
  static void OnThreadEnd(void* state);
  static void BeforeFork();
  static void AfterForkInParent();
  static void AfterForkInChild();

  Options options_;
  ProcessEnvironment environment_;
  ProcessNames names_;
  FindingReporter reporter_;
  Validator validator_;
};

namespace internal {
// The runtime's place: static storage without a destructor.
struct RuntimeStorage {
  alignas(Runtime) std::byte bytes[sizeof(Runtime)];
};
extern constinit RuntimeStorage runtime_storage;
}  // namespace internal

inline Runtime& Runtime::GetMade() {
  return *reinterpret_cast<Runtime*>(internal::runtime_storage.bytes);
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_RUNTIME_H_
