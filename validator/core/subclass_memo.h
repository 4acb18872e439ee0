// Which class a thread gets for a class and a subclass other than 0: a few that it asked for
// lately, so that it need not look into the shared tables again. Class numbers are never used for
// another class, so nothing here becomes wrong.
//
// It belongs to one thread; signal handlers on that thread may use it at any moment.
#ifndef RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_
#define RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_

#include <atomic>
#include <cstdint>

#include "validator/core/ids.h"

namespace rqlockdep {

class SubclassMemo {
 public:
  // kNoClass if it is not remembered.
  ClassId Find(ClassId base, uint8_t subclass) const {
    const Entry& entry = entries_[IndexOf(base, subclass)];
    return entry.base == base && entry.subclass == subclass ? entry.id : kNoClass;
  }

  void Put(ClassId base, uint8_t subclass, ClassId id) {
    Entry& entry = entries_[IndexOf(base, subclass)];
    // For handlers that come in between: while the entry changes it is nobody's.
    entry.base = kNoClass;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    entry.subclass = subclass;
    entry.id = id;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    entry.base = base;
  }

 private:
  struct Entry {
    ClassId base = kNoClass;
    ClassId id = kNoClass;
    uint8_t subclass = 0;
  };
  static constexpr uint32_t kEntries = 64;

  static uint32_t IndexOf(ClassId base, uint8_t subclass) {
    return (base * 2 + subclass) % kEntries;
  }

  Entry entries_[kEntries];
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_SUBCLASS_MEMO_H_
