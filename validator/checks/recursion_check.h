// Recursion within a class, and what excuses it: recursive readers, order functions, nest locks
// (docs/semantics.md, section 4).
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_RECURSION_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_RECURSION_CHECK_H_

#include "validator/checks/check_input.h"

namespace rqlockdep {

// The oldest hold of `nest` by the thread that serialises others: exclusive, or of a map. kNone
// otherwise.
uint32_t OldestSerialisingHold(const ThreadState& thread, const hooks::LockMap* nest);

// Another instance of the class that the thread holds.
bool IsOtherOfClass(const HeldLock& record, const hooks::LockMap* lock, ClassId class_id);

// A blocking acquisition while other instances of the class are held.
void CheckRecursion(CheckInput& input, const hooks::LockMap* nest);

// A blocking or timed acquisition of a lock that the thread itself holds.
void ReportSelfDeadlock(CheckInput& input);

// `nest` is given but not held.
void ReportNestLockNotHeld(CheckInput& input, const hooks::LockMap* nest, ClassId nest_class);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_RECURSION_CHECK_H_
