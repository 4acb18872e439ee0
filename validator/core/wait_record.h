// What a thread waits for, published for others to see while it waits.
//
// Who may conclude what. A thread's held stack says `held` from hooks::Acquire on, before the lock
// is really taken, so a record of a lock alone proves nothing. But a thread does one thing at a
// time: when it waits for one lock, it has got every lock that it asked for before. So the records
// below the one that it waits with (`Wait::record`) are true holds, from before the wait is
// published until after it is withdrawn. And if A waits for a lock that B holds in this way, A
// cannot have got it meanwhile, whatever its record says: the lock itself sees to that. (Records
// from before a signal handler came are the exception: see validator/checks/wait_check.h.)
//
// Who may look at what:
//   Read      any thread, at any time: one consistent picture, or none.
//   Pin       who looks for rings, holding the waits lock. A ring counts only if all of its members
//             could be pinned with the tickets that they were seen with: each ticket is drawn for
//             one wait, so all of those waits, and the holds below them, were there together, and
//             stay until Unpin. That is the second look.
//   Publish, Withdraw   the owner. Withdraw fails while the record is pinned; then the owner takes
//             the waits lock, which the pinning thread holds. So nobody returns from a wait while
//             another thread describes it or calls its cancel hook.
//
// No ring is missed: a thread that waits publishes first and looks afterwards, both under the waits
// lock. Of the members of a ring the last to enter that lock sees all others.
//
// A signal handler that interrupts a wait may wait itself. Then its wait is published in place of
// the interrupted one, which comes back, with its old ticket, when the handler has its lock
// (ThreadState::PushWait, PopWait). That look is made again then.
#ifndef RQLOCKDEP_VALIDATOR_CORE_WAIT_RECORD_H_
#define RQLOCKDEP_VALIDATOR_CORE_WAIT_RECORD_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"

namespace rqlockdep {

struct Wait {
  uint64_t ticket = 0;  // 0: no wait. Counts all waits of the validator; a smaller one is older
  const hooks::LockMap* lock = nullptr;
  uint32_t record = 0;  // the index of the wait's own record in the held stack
  LockMode mode = LockMode::kExclusive;
  Strength strength = Strength::kBlocking;

  bool is_bounded() const { return strength != Strength::kBlocking; }
};

class WaitRecord {
 public:
  WaitRecord() = default;
  WaitRecord(const WaitRecord&) = delete;
  WaitRecord& operator=(const WaitRecord&) = delete;

  // The wait that is published; without ticket if there is none or it was just changing.
  Wait Read() const {
    Wait wait;
    // Acquire: pairs with the last store in Publish; the fields of that wait are visible.
    const uint64_t before = ticket_.load(std::memory_order_acquire);
    // Acquire: pairs with the release stores in Publish. Whoever reads a field of a later wait also
    // sees, in the load below, that the earlier one is withdrawn.
    wait.lock = lock_.load(std::memory_order_acquire);
    wait.record = record_.load(std::memory_order_acquire);
    wait.mode = mode_.load(std::memory_order_acquire);
    wait.strength = strength_.load(std::memory_order_acquire);
    // Relaxed: ordered after the acquire loads before it.
    const uint64_t after = ticket_.load(std::memory_order_relaxed);
    if ((before & ~kPinned) == (after & ~kPinned)) wait.ticket = before & ~kPinned;
    return wait;
  }
  // The lock that is waited for, or null: a hint that costs one load.
  bool is_published() const {
    // Acquire: the published wait is visible.
    return ticket_.load(std::memory_order_acquire) != 0;
  }

  // --- the owner ---
  // Nothing is published yet. The cancel hook may be null.
  void Publish(const Wait& wait, hooks::CancelCallback cancel, void* cancel_argument) {
    cancel_ = cancel;
    cancel_argument_ = cancel_argument;
    // Release: see Read.
    lock_.store(wait.lock, std::memory_order_release);
    record_.store(wait.record, std::memory_order_release);
    mode_.store(wait.mode, std::memory_order_release);
    strength_.store(wait.strength, std::memory_order_release);
    // Release: pairs with the acquire load in Read and with Pin; all of it is visible.
    ticket_.store(wait.ticket, std::memory_order_release);
  }
  // False if it is pinned: try again under the waits lock. True if nothing is published any more.
  bool Withdraw() {
    // Relaxed: written by this thread, but for the mark.
    uint64_t ticket = ticket_.load(std::memory_order_relaxed) & ~kPinned;
    if (ticket == 0) return true;
    // Acquire: pairs with Unpin; what the pinning thread did with the wait is over. Release is not
    // needed for what comes after: nobody concludes anything from there being no wait.
    return ticket_.compare_exchange_strong(ticket, 0, std::memory_order_acquire,
                                           std::memory_order_relaxed);
  }
  // When no other thread can be looking: the state is new, or the only one after a fork.
  void Reset() { ticket_.store(0, std::memory_order_relaxed); }

  // --- under the waits lock ---
  // Keeps the wait with this ticket where it is; false if it is over.
  bool Pin(uint64_t ticket) {
    // Acquire: pairs with Publish, for `cancel` and the held records. Relaxed on failure: over.
    return ticket_.compare_exchange_strong(ticket, ticket | kPinned, std::memory_order_acquire,
                                           std::memory_order_relaxed);
  }
  void Unpin(uint64_t ticket) {
    // Release: pairs with Withdraw.
    ticket_.store(ticket, std::memory_order_release);
  }
  // Of a pinned wait.
  bool CanBeTold() const { return cancel_ != nullptr; }
  // Of a pinned wait. Tells it to give up, if it can be told.
  void Cancel() const {
    if (cancel_ != nullptr) cancel_(cancel_argument_);
  }

 private:
  static constexpr uint64_t kPinned = uint64_t{1} << 63;

  std::atomic<uint64_t> ticket_{0};
  std::atomic<const hooks::LockMap*> lock_{nullptr};
  std::atomic<uint32_t> record_{0};
  std::atomic<LockMode> mode_{LockMode::kExclusive};
  std::atomic<Strength> strength_{Strength::kBlocking};
  hooks::CancelCallback cancel_ = nullptr;
  void* cancel_argument_ = nullptr;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_WAIT_RECORD_H_
