// Which variable a constant-initialised lock is, or is part of: its class.
//
// Such a lock has run no code that could have told where it was constructed (constinit, and with
// clang every static whose constructor is constexpr), so its address has to. But no symbol table
// tells an array of structs from a struct of structs, and what the compiler tells
// (ConstructionHint) depends on compiler and spelling. So the variable's memory is searched for
// locks that look like this one: whose constant part, all but what the validator writes, is the
// same. The rule:
//
//   1. No variable in static storage covers the address (stripped program, thread_local, a copy on
//      the heap): not found.
//   2. The lock was not constructed inside another constructor, and such locks lie at equal
//   distances
//      all through the variable, from its first byte to its last: an array of locks. The class is
//      the variable; the elements share it. A variable that is just a lock is an array of one. So
//      are locks whose constant part is zero, wherever they lie: g++ 12 forgets to run the
//      constructors of `constinit Lock a[3];` (not of `a[3]{}`), and leaves nothing to compare.
//   3. The lock was constructed by std::array's constructor: it shares its class with the
//   neighbours
//      at equal distances. Other members of a struct stay apart (but not another std::array of the
//      same locks directly beside it).
//   4. Else it is a member of a struct. The class is the variable and the offset in it, so that two
//      members stay apart, unless such locks repeat all through the variable with a period that
//      divides its size at least kMinElements times: then it is taken for an array of structs, and
//      the class is the variable and the offset within the element. If the number of elements is
//      even, two of them are taken as one: struct Q { Lock head; T* a; Lock tail; T* b; } q[n]
//      looks just like an array of twice as many smaller structs, and to make one class of `head`
//      and `tail` would be a false alarm waiting to happen, while two classes for one array only
//      make the validator slower to learn.
//
// What that gets wrong, with an explicit LockClass as the remedy:
//   - arrays of structs with fewer than kMinElements elements have a class for each element, larger
//     ones one or two for each member (also static local arrays of locks, with clang);
//   - a struct with kMinElements equal members in a row, or an array of structs with three or more
//     equal members and nothing between that tells them apart, is mistaken for an array;
//   - a struct of nothing but locks at equal distances, or an array of such structs, is mistaken
//   for
//     an array of locks where the compiler does not tell, after "= {}" or "{}";
//   - with g++, constinit arrays of structs have one class for all members.
// Locks whose constructor runs (KeyType::kSite) need none of this and have none of these limits.
//
// Cost: a symbol lookup for each lock; the search looks at up to 64 KB, mostly once for a variable.
// Threads: not thread-safe; used under the graph lock. Signal-safe, no malloc. Reads the variable's
// memory without synchronisation.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_STATIC_SYMBOL_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_STATIC_SYMBOL_H_

#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/runtime/elf_symbols.h"

namespace rqlockdep {

inline constexpr size_t kMinElements = 8;

class StaticSymbols {
 public:
  constexpr StaticSymbols() = default;
  StaticSymbols(const StaticSymbols&) = delete;
  StaticSymbols& operator=(const StaticSymbols&) = delete;

  // Finds the variable that `map` is part of, and the offset in it that, with the variable,
  // identifies the class. For a lock that is not constant-initialised it is the lock's own offset.
  // False for rule 1.
  bool Find(const hooks::LockMap& map, ElfSymbol* symbol, size_t* offset);

 private:
  // How the locks that look like one another lie in a variable.
  struct Layout {
    uintptr_t variable;  // with `looks`, what this is about
    uint32_t looks;      // the constant part of the locks
    const char* name;    // of the symbol; tells modules apart that were loaded at one place
    bool is_lock_array;  // rule 2, if the hint permits
    size_t element;      // rule 4: 0 for no array
  };
  static constexpr size_t kLayouts = 64;

  static Layout Search(uintptr_t lock, const ElfSymbol& symbol);
  const Layout& LayoutOf(uintptr_t lock, const ElfSymbol& symbol);

  Layout layouts_[kLayouts] = {};  // a cache, one entry for each hash
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_STATIC_SYMBOL_H_
