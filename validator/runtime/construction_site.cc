#include "validator/runtime/construction_site.h"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "validator/runtime/address_set.h"
#include "validator/runtime/elf_symbols.h"
#include "validator/runtime/stack_capture.h"

namespace rqlockdep {
namespace {

// A lock below this many library frames is given to the code that constructs it directly.
constexpr size_t kMaxFrames = 128;

// Return addresses (with the number of their module) whose function was looked up; the bit says
// "library".
constinit AddressSet known_functions;

bool Consume(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// Namespaces as they are mangled: St is std, and Sa, Sb, Ss, Si, So, Sd are the abbreviations of
// std::allocator, std::basic_string, std::string and the streams.
bool StartsWithLibraryName(std::string_view name) {
  for (std::string_view prefix : {"St", "Sa", "Sb", "Ss", "Si", "So", "Sd", "9__gnu_cxx",
                                  "10__cxxabiv1", "4absl", "5boost"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

// Thunks of virtual functions: "Th" or "Tv", then numbers between 'n' (minus) and '_'.
void SkipThunk(std::string_view* name) {
  int numbers = 0;
  if (Consume(name, "Th")) {
    numbers = 1;
  } else if (Consume(name, "Tv")) {
    numbers = 2;
  } else if (Consume(name, "Tc")) {
    return SkipThunk(name);  // covariant: not seen in constructors; good enough
  }
  for (; numbers > 0; --numbers) {
    const size_t end = name->find('_');
    if (end == std::string_view::npos) return;
    name->remove_prefix(end + 1);
  }
}

bool IsSystemLibrary(const char* path) {
  std::string_view name(path);
  const size_t slash = name.rfind('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  for (std::string_view prefix :
       {"libstdc++.so", "libc++.so", "libc++abi.so", "libc.so", "libc.musl", "libm.so",
        "libgcc_s.so", "libpthread.so", "ld-linux", "ld-musl", "linux-vdso", "libabsl_",
        "libboost_", "libasan.so", "libtsan.so", "libubsan.so", "liblsan.so", "libclang_rt."}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

bool IsLibraryCode(uintptr_t return_address) {
  // Where a shared library was unloaded another may lie later. Addresses have 47 bits, and with
  // more (which a program has to ask for) two libraries are merely taken for one.
  const uintptr_t key = return_address ^ (uintptr_t{ModuleNumber(return_address - 1)} & 0xffff)
                                             << 47;
  bool is_library;
  if (known_functions.Find(key, &is_library)) return is_library;
  ElfModule module;
  ElfSymbol symbol;
  // A call that does not return may be the last instruction of its function: then the return
  // address is in the next one.
  const bool found = FindSymbol(return_address - 1, SymbolType::kFunction, &symbol, &module);
  is_library =
      (module.path != nullptr && !module.is_main_program && IsSystemLibrary(module.path)) ||
      (found && IsLibraryFunction(symbol.name));
  known_functions.Add(key, is_library);
  return is_library;
}

// The way of this thread's latest search through library code. Locks come in series (the elements
// of a vector), and the way is the same if every return address on it is; comparing is much cheaper
// than unwinding. Frames that were built without frame pointers only make the comparison fail.
struct LatestSearch {
  static constexpr int kCapacity = 24;
  std::atomic<int> count;       // 0 while there is none, and while it is being written
  uintptr_t frames[kCapacity];  // from the given return address to the site, both included
};
[[gnu::tls_model("initial-exec")]] constinit thread_local LatestSearch latest_search = {};

bool SameWayAsLatest(const uintptr_t* frames, int count) {
  for (int i = 0; i < count; ++i) {
    if (frames[i] != latest_search.frames[i]) return false;
  }
  return true;
}

uintptr_t SearchCallers(uintptr_t return_address) {
  LatestSearch& latest = latest_search;
  const int latest_count = latest.count.load(std::memory_order_relaxed);
  if (latest_count > 0 && latest.frames[0] == return_address) {
    // The frames of this file, down to the one that returns to `return_address`, come first.
    constexpr int kOwnFrames = 4;
    uintptr_t walked[LatestSearch::kCapacity + kOwnFrames];
    const int count = WalkFramePointers(walked, latest_count + kOwnFrames);
    for (int i = 0; i < kOwnFrames && i + latest_count <= count; ++i) {
      if (walked[i] == return_address && SameWayAsLatest(walked + i, latest_count)) {
        return walked[i + latest_count - 1];
      }
    }
  }

  uintptr_t frames[kMaxFrames];
  const size_t count = CaptureStack(frames, kMaxFrames, /*skip=*/0);
  size_t first = 0;
  while (first < count && frames[first] != return_address) ++first;
  for (size_t i = first; i < count; ++i) {
    if (IsLibraryCode(frames[i])) continue;
    const size_t length = i - first + 1;
    if (length <= LatestSearch::kCapacity) {
      // The fences keep a signal handler on this thread from comparing with a half-written way.
      latest.count.store(0, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      memcpy(latest.frames, frames + first, length * sizeof(uintptr_t));
      std::atomic_signal_fence(std::memory_order_seq_cst);
      latest.count.store(static_cast<int>(length), std::memory_order_relaxed);
    }
    return frames[i];
  }
  return return_address;
}

}  // namespace

bool IsLibraryFunction(const char* mangled_name) {
  std::string_view name(mangled_name);
  // What sanitizers put between the program and libc carries their prefix.
  for (std::string_view prefix : {"__interceptor_", "__asan_", "__tsan_", "__ubsan_"}) {
    if (name.starts_with(prefix)) return true;
  }
  if (!Consume(&name, "_Z")) return false;
  SkipThunk(&name);
  // A local entity is mangled after Z and the function that it is local to.
  while (Consume(&name, "Z")) {
  }
  if (Consume(&name, "N")) {
    // const, volatile, restrict, and the reference qualifiers, of a member function.
    while (Consume(&name, "r") || Consume(&name, "V") || Consume(&name, "K") ||
           Consume(&name, "R") || Consume(&name, "O")) {
    }
    // A local entity's function may be nested in turn: N after Z is handled above; Z after N is a
    // member of a local class.
    while (Consume(&name, "Z")) {
      Consume(&name, "N");
      while (Consume(&name, "K") || Consume(&name, "V")) {
      }
    }
  }
  return StartsWithLibraryName(name);
}

uintptr_t FindConstructionSite(uintptr_t return_address) {
  if (!IsLibraryCode(return_address)) return return_address;
  return SearchCallers(return_address);
}

}  // namespace rqlockdep
