// Where in the program a lock was constructed, for locks without an explicit class.
//
// A lock's constructors are always inlined, so the return address of hooks::Construct lies in the
// function that constructs the lock. If that is the program's own code, the address is the site:
// two members of a struct are two calls, even in an implicit constructor, and the elements of an
// array are one call in a loop. If it is library code (the lock sits in a std::vector, an
// std::optional, came from std::make_unique), the site is the return address of the nearest caller
// that is not.
//
// Library code is what lies in the namespaces std, __gnu_cxx, __cxxabiv1, absl and boost, lambdas
// and local classes of theirs included, and everything in the system's shared objects (libstdc++,
// libc, sanitizer runtimes and the like). Code without a symbol counts as the program's own.
//
// Limits: optimisation may inline one constructor into several functions; each copy is a site of
// its own.
//
// Cost: two lookups (module, address) for the program's own code once the address is known. Below
// library code a walk of the frame pointers when the thread's previous such call came the same way,
// else one unwinding. The first time of an address: a symbol lookup (elf_symbols.h). Threads and
// signals: any, at any time. errno is kept; no malloc, no lock.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_CONSTRUCTION_SITE_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_CONSTRUCTION_SITE_H_

#include <cstdint>

namespace rqlockdep {

// `return_address` is that of the calling function (hooks::Construct). Returns a return address:
// the site, or `return_address` itself if there is nothing but library code above it.
uintptr_t FindConstructionSite(uintptr_t return_address);

// Does this mangled name belong to a library, as defined above? Exposed for the tests.
bool IsLibraryFunction(const char* mangled_name);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_CONSTRUCTION_SITE_H_
