// The out-of-line half of the locks, as their inline halves call it. Implemented in
// src/lock_operations.cc.
#ifndef RQLOCKDEP_INTERNAL_LOCK_OPERATIONS_H_
#define RQLOCKDEP_INTERNAL_LOCK_OPERATIONS_H_

#include <chrono>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"

namespace rqlockdep::internal {

inline constexpr int64_t kDefaultLimitNanoseconds = 250'000'000;

// By which a wait tells the validator about itself. Empty with the validator off.
class WaitObserver {
 public:
#if RQLOCKDEP_VALIDATOR
  explicit WaitObserver(hooks::LockMap& map) : map_(&map) {}
  // Whether the validator looks for rings of waiting threads.
  bool Waiting(hooks::CancelCallback cancel, void* argument) {
    return hooks::Waiting(*map_, cancel, argument);
  }
  void Acquired() { hooks::Acquired(*map_); }
  void Failed(LockResult result) {
    hooks::Failed(*map_,
                  result == LockResult::kDeadlock ? FailReason::kDeadlock : FailReason::kTimedOut);
  }

 private:
  hooks::LockMap* map_;
#else
  explicit WaitObserver(hooks::LockMap&) {}
  bool Waiting(hooks::CancelCallback, void*) { return false; }
  void Acquired() {}
  void Failed(LockResult) {}
#endif
};

// These go on where FastPath::Acquire stopped; `attempt` is what that left.
//
// Waits for `nanoseconds` at most; if that is not above zero, makes a single attempt.
LockResult AcquireSlow(LockWord& word, Cell* attempt, int64_t nanoseconds, WaitObserver observer);
// The same for limits that some other clock measures: `remaining` says how many nanoseconds are
// left. It is asked when the wait begins and whenever it seems to be over.
using RemainingFunction = int64_t (*)(const void* argument);
LockResult AcquireSlowUntil(LockWord& word, Cell* attempt, RemainingFunction remaining,
                            const void* argument, WaitObserver observer);
bool TryAcquireSlow(LockWord& word, Cell* attempt);

// Gives the lock back if this thread holds it, else does nothing.
void ReleaseSlow(LockWord& word);
// Whether this thread holds the lock.
bool IsHeld(const LockWord& word);
// The lock at `word` ends its life: if this thread holds it, the table forgets it.
void Forget(LockWord& word);

// The same for a regular lock, without limit, table and deadlock detection.
void LockSlow(LockWord& word, WaitObserver observer);
bool TryLockSlow(LockWord& word);
void UnlockSlow(LockWord& word);

// A duration in nanoseconds: rounded up, at most the largest int64_t, 0 if it is not above zero.
template <class Rep, class Period>
int64_t SaturatingNanoseconds(const std::chrono::duration<Rep, Period>& duration) {
  // Not duration_cast: it overflows at compile time for some periods. Multiplied first, so that
  // whole results come out whole.
  const long double exact = static_cast<long double>(duration.count()) * 1e9L *
                            static_cast<long double>(Period::num) /
                            static_cast<long double>(Period::den);
  if (!(exact > 0)) return 0;  // also if it is not a number
  if (exact >= static_cast<long double>(std::numeric_limits<int64_t>::max())) {
    return std::numeric_limits<int64_t>::max();
  }
  const int64_t whole = static_cast<int64_t>(exact);
  return static_cast<long double>(whole) < exact ? whole + 1 : whole;
}

// RemainingFunction for a time point of any clock.
template <class Clock, class Duration>
int64_t RemainingUntil(const void* argument) {
  using Exact = std::chrono::duration<long double, std::nano>;
  const auto& end = *static_cast<const std::chrono::time_point<Clock, Duration>*>(argument);
  // In floating point, because the ends of the integers' range are legal and common here.
  return SaturatingNanoseconds(Exact(end.time_since_epoch()) -
                               Exact(Clock::now().time_since_epoch()));
}

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_INTERNAL_LOCK_OPERATIONS_H_
