// Says which class a lock belongs to, when it is asked for the first time:
//
//   explicit LockClass               the LockClass, with its name and order function
//   constructed by code that ran     the construction site (construction_site.h found it)
//   constant-initialised             the variable (static_symbol.h)
//   none of these can be told        the lock itself
//
// A construction site has no name here: the report finds function and line, if ever it is printed.
// But a lock that is a variable of its own is named after it, however it was constructed.
//
// Cost: two symbol lookups at most, once for each lock. Memory for names comes from mmap and is
// never freed; a name is stored once for each variable, not for each lock. Threads: not
// thread-safe; the validator calls it under its graph lock. Signal-safe; no malloc.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_CLASS_RESOLVER_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_CLASS_RESOLVER_H_

#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/arena.h"
#include "validator/core/class_info.h"
#include "validator/runtime/elf_symbols.h"
#include "validator/runtime/static_symbol.h"

namespace rqlockdep {

class ClassResolver {
 public:
  ClassResolver() = default;
  ClassResolver(const ClassResolver&) = delete;
  ClassResolver& operator=(const ClassResolver&) = delete;

  ClassKey Resolve(const hooks::LockMap& map);

 private:
  // A chained hash table: address of a variable, of a part of it, or of a LockClass, and number of
  // the module, to the name.
  struct StoredName {
    StoredName* next;
    uintptr_t address;
    uint32_t module;
    const char* text;
  };
  static constexpr size_t kBuckets = 1024;
  static size_t Bucket(uintptr_t address) { return (address >> 3) % kBuckets; }

  // The readable name of `symbol`, with "+0x20" for an offset. Null without memory.
  const char* NameOf(const ElfSymbol& symbol, size_t offset, uint32_t module);
  const char* Find(uintptr_t address, uint32_t module) const;
  // A copy of `name` that stays. Null without memory.
  const char* Keep(uintptr_t address, uint32_t module, const char* name);

  StaticSymbols static_symbols_;
  Arena arena_;
  StoredName* names_[kBuckets] = {};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_CLASS_RESOLVER_H_
