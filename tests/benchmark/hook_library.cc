#include "tests/benchmark/hook_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace rqlockdep::benchmark {

HookFunctions library_hooks;

void LoadHookLibrary(const char* program) {
  const std::string path(program);
  const std::string library = path.substr(0, path.rfind('/') + 1) + "libhooks_in_library.so";
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    std::cerr << "cannot load " << library << ": " << dlerror() << '\n';
    std::exit(2);
  }
  using Getter = void (*)(HookFunctions*);
  reinterpret_cast<Getter>(dlsym(handle, "GetHookFunctions"))(&library_hooks);
}

}  // namespace rqlockdep::benchmark
