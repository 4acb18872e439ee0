// Which class a thread gets for a class and a subclass other than 0, of all that it has asked for,
// so that it need not look into the shared tables again. Class numbers are never used for another
// class, so nothing here becomes wrong.
//
// It belongs to one thread. Without memory it forgets the new, which costs time.
#ifndef RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_
#define RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_

#include <cstdint>

#include "validator/core/ids.h"
#include "validator/core/key_map.h"

namespace rqlockdep {

class SubclassMemo {
 public:
  // kNoClass if it is not remembered.
  ClassId Find(ClassId base, uint8_t subclass) const {
    return classes_.Get(KeyOf(base, subclass), kNoClass);
  }
  void Put(ClassId base, uint8_t subclass, ClassId id) {
    (void)classes_.Set(KeyOf(base, subclass), id);
  }

 private:
  // Not 0, because no class has that number.
  static uint64_t KeyOf(ClassId base, uint8_t subclass) { return uint64_t{base} << 3 | subclass; }

  KeyMap classes_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_
