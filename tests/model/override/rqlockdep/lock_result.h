// Stands for rqlockdep/lock_result.h in the amalgamated file: the same enumeration, without the
// standard library's error codes.
#ifndef RQLOCKDEP_LOCK_RESULT_H_
#define RQLOCKDEP_LOCK_RESULT_H_

#include <cstdint>

namespace rqlockdep {

enum class [[nodiscard]] LockResult : uint8_t{kOk, kDeadlock, kTimedOut};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_LOCK_RESULT_H_
