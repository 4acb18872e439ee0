// Implements rqlockdep::hooks in place of the validator: writes down which hook was called, on
// which lock, with what. Link it with a library that was built with RQLOCKDEP_VALIDATOR=1.
//
// Takes std::mutex and allocates: for tests, not for signal handlers.
#ifndef RQLOCKDEP_TESTS_SUPPORT_HOOK_RECORDER_H_
#define RQLOCKDEP_TESTS_SUPPORT_HOOK_RECORDER_H_

#include <functional>
#include <string>
#include <vector>

#include "rqlockdep/hooks.h"

namespace rqlockdep {

class HookRecorder {
 public:
  // Starts to record, with an empty list. `name` is how the list calls the lock with that map.
  static void Start();
  static void Name(const hooks::LockMap& map, const std::string& name);
  // What the calling thread did since Start, one string for each call, such as
  // "Acquire a resilient subclass=1 nest=b", "Failed a deadlock", "TryAcquire a got". Locks without
  // a name are not listed.
  static std::vector<std::string> CallsOfThisThread();
  // Called from within each hook, after it was recorded, on the thread that called the hook. May
  // use locks (which is recorded, but not reported to the function again). Empty: nothing.
  static void SetObserver(std::function<void(const std::string& call)> observer);
  // The cancel callback that the last Waiting on `map` brought along.
  static void Cancel(const hooks::LockMap& map);
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_HOOK_RECORDER_H_
