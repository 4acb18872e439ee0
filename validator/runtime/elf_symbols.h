// Which symbol of which module covers an address of this process: functions and variables alike.
//
// The answer comes from the symbol tables of the files that are mapped (.symtab, or .dynsym of a
// stripped file). Names are as the linker knows them (mangled); DemangleSymbol makes them readable.
//
// Cost: a binary search once the module is known; the first question about a module maps its file
// and sorts its symbols. The mappings are never taken back, so names stay
// valid for ever.
// Threads and signals: any, at any time. Finding the module is _dl_find_object, which takes no
// lock; modules are kept in a lock-free list (two threads may do the same work, one result is
// kept). No malloc; errno is kept. A module that was unloaded and replaced by another at the same
// addresses is told apart by its path, its ELF header and its build id. A file that was replaced on
// disk is noticed by its headers and then not used.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_ELF_SYMBOLS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_ELF_SYMBOLS_H_

#include <cstddef>
#include <cstdint>

namespace rqlockdep {

enum class SymbolType : uint8_t { kFunction, kVariable };

struct ElfSymbol {
  const char* name = nullptr;  // mangled
  uintptr_t address = 0;       // of its first byte, in this process
  size_t size = 0;
};

struct ElfModule {
  const char* path = nullptr;  // as the dynamic linker knows it; the resolved path of the program
  uintptr_t load_bias = 0;     // address in the process minus address in the file
  bool is_main_program = false;
};

// The module that `address` lies in: the program, or a shared object that is loaded. False for the
// heap, stacks, thread-local storage and generated code.
bool FindModule(uintptr_t address, ElfModule* module);

// A number for the shared library that `address` lies in, different for all that were ever loaded
// (but the same for one that was loaded again, unchanged, at the same addresses). 0 for the program
// itself, for what lies in no module, and without memory.
// Cost: some ten nanoseconds in the program, a hundred in a library.
uint32_t ModuleNumber(uintptr_t address);

// The symbol whose bytes include `address`; of several the innermost, and of aliases a global one.
// `module` may be null; it is filled in even when no symbol is found.
bool FindSymbol(uintptr_t address, SymbolType type, ElfSymbol* symbol, ElfModule* module = nullptr);

// Writes a readable form of a mangled name, always terminated: "Foo::Foo()" (the types of arguments
// are left out). What is not a mangled C++ name is copied.
void DemangleSymbol(const char* mangled, char* buffer, size_t capacity);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_ELF_SYMBOLS_H_
