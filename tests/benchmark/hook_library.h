// The validator in a shared library that is loaded at run time, as a preloaded one would be: a
// process-wide validator of its own, beside the program's.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_HOOK_LIBRARY_H_
#define RQLOCKDEP_TESTS_BENCHMARK_HOOK_LIBRARY_H_

#include "rqlockdep/hooks.h"

namespace rqlockdep::benchmark {

struct HookFunctions {
  void (*acquire)(hooks::LockMap& map, hooks::PlainArguments arguments) = nullptr;
  void (*release)(hooks::LockMap& map) = nullptr;
};

// Loads the library that lies beside the program; ends the program if that is not possible.
void LoadHookLibrary(const char* program);
extern HookFunctions library_hooks;
inline const HookFunctions& LibraryHooks() { return library_hooks; }

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_HOOK_LIBRARY_H_
