// The small numbers by which the validator's layers name things to one another. 0 is never valid.
#ifndef RQLOCKDEP_VALIDATOR_CORE_IDS_H_
#define RQLOCKDEP_VALIDATOR_CORE_IDS_H_

#include <cstdint>

namespace rqlockdep {

using ClassId = uint32_t;  // a lock class with its subclass
using ThreadId =
    uint32_t;              // a thread, numbered by the validator in the order of their first events
using StackId = uint32_t;  // a stack in the StackDepot

inline constexpr ClassId kNoClass = 0;
inline constexpr ThreadId kNoThread = 0;
inline constexpr StackId kNoStack = 0;

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_IDS_H_
