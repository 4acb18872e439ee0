// What the rest of the validator may know of a lock class: identity, kind and name.
//
// A ClassInfo is made when a lock of the class is first asked for and never moves or dies. Fields
// without a comment on writers are constant from then on.
#ifndef RQLOCKDEP_VALIDATOR_CORE_CLASS_INFO_H_
#define RQLOCKDEP_VALIDATOR_CORE_CLASS_INFO_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/lock_class.h"
#include "validator/core/ids.h"

namespace rqlockdep {

// What a class is identified by, apart from its subclass.
struct ClassKey {
  enum class Type : uint8_t {
    kSite,      // `address` is a return address: the code that constructs the locks
    kSymbol,    // `address` is that of a variable in static storage
    kExplicit,  // `address` is that of a LockClass
    kUnknown,   // `address` is that of the lock itself: nothing better could be found
  };
  Type type = Type::kUnknown;
  uintptr_t address = 0;
  // Not owned, never freed; null when only the report layer can tell the name, from `address`.
  const char* name = nullptr;
  LockClass::OrderFunction order = nullptr;
  WaitRanks ranks = {};
  // The shared library that `address` lies in, of all that were ever loaded; 0 for the program.
  // Where one was unloaded another may lie later, and its classes are others.
  uint32_t module = 0;
};

struct ClassInfo {
  ClassId id = kNoClass;
  LockKind kind = LockKind::kQspinlock;
  uint8_t subclass = 0;
  // Classes of equal name and subclass are numbered from 1 in the order of their making; printed
  // from 2 on.
  uint32_t version = 1;
  // The stack of the first acquisition of any lock of the class: tells classes apart whose
  // construction sites look the same, such as two members of one struct.
  StackId first_asked = kNoStack;
  ClassKey key;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_CLASS_INFO_H_
