// The shared library's one function of its own; the rest is the validator.
#include "tests/benchmark/hook_library.h"

extern "C" void GetHookFunctions(rqlockdep::benchmark::HookFunctions* functions) {
  functions->acquire = &rqlockdep::hooks::AcquirePlain;
  functions->release = &rqlockdep::hooks::Release;
}
