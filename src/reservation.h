// A lock that was left to its first waiters (kReservedMark): whether any of them is still there. If
// not, it is as free as with 0.
#ifndef RQLOCKDEP_SRC_RESERVATION_H_
#define RQLOCKDEP_SRC_RESERVATION_H_

#include <atomic>
#include <cstdint>

#include "src/pending_byte.h"

namespace rqlockdep::internal {

// `own` is how many sleepers the caller counts for in `pending`: 0 or 1.
//
// In the child of a fork the word may tell of waiters that only the parent has. Nobody can say
// which of them are real, so there a reservation binds nobody: it is about fairness alone.
template <class Policy, class Word>
bool IsUnclaimed(Policy& policy, const Word& word, uint8_t own) {
  using Pending = PendingByte<Word>;
  if (policy.is_forked()) return true;
  constexpr uint8_t kNoWaiter = Pending::kWakeClaimed | Pending::kExtended;
  // Relaxed: whoever joins meanwhile competes with us for `locked`.
  return word.tail.load(std::memory_order_relaxed) == 0 && (Pending::Get(word) & ~kNoWaiter) == own;
}

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_RESERVATION_H_
