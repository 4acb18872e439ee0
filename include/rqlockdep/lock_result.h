// LockResult: how an acquisition of a resilient lock ended.
//
// Two ways not to get the lock: waiting on would not have ended (kDeadlock), or the time limit
// passed (kTimedOut). Either way the lock and everything the caller held are as before the attempt,
// and the right answer is the same: give back what is held, then try again or report.
//
//   LockResult result = lock.Acquire();
//   if (result != LockResult::kOk) return NegativeErrno(result);   // 0, -EDEADLK or -ETIMEDOUT
//   std::error_code error = lock.Acquire();                        // compares with std::errc
//
// A plain enumeration: no state, safe everywhere.
#ifndef RQLOCKDEP_LOCK_RESULT_H_
#define RQLOCKDEP_LOCK_RESULT_H_

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <type_traits>

namespace rqlockdep {

// An ignored failure is a bug: the caller would go on without the lock.
enum class [[nodiscard]] LockResult : uint8_t{
    kOk,
    kDeadlock,  // EDEADLK: the caller holds the lock itself, or was the newest waiter of a ring
    kTimedOut,  // ETIMEDOUT: not before the caller's own limit
};

// The kernel's way: 0, -EDEADLK or -ETIMEDOUT.
constexpr int NegativeErrno(LockResult result) {
  switch (result) {
    case LockResult::kOk:
      return 0;
    case LockResult::kDeadlock:
      return -EDEADLK;
    case LockResult::kTimedOut:
      return -ETIMEDOUT;
  }
  return -EINVAL;  // not a LockResult
}

// A string literal: "ok", "deadlock" or "timed out".
constexpr const char* ToString(LockResult result) {
  switch (result) {
    case LockResult::kOk:
      return "ok";
    case LockResult::kDeadlock:
      return "deadlock";
    case LockResult::kTimedOut:
      return "timed out";
  }
  return "not a LockResult";
}

// Found by argument-dependent lookup when a LockResult is converted to std::error_code. In the
// generic category, so that it compares equal to std::errc::resource_deadlock_would_occur or
// std::errc::timed_out; kOk is "no error".
inline std::error_code make_error_code(LockResult result) noexcept {
  return std::error_code(-NegativeErrno(result), std::generic_category());
}

}  // namespace rqlockdep

template <>
struct std::is_error_code_enum<rqlockdep::LockResult> : std::true_type {};

#endif  // RQLOCKDEP_LOCK_RESULT_H_
