// What ends the wait for a resilient lock but the lock: its limit, a ring, a cancel, the end of the
// thread that holds it.
#ifndef RQLOCKDEP_SRC_WAIT_END_H_
#define RQLOCKDEP_SRC_WAIT_END_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/held_table.h"
#include "src/progress_clock.h"
#include "src/ring_search.h"
#include "src/waiter_queue.h"

namespace rqlockdep::internal {

// When an acquisition has to give up: after a number of nanoseconds in which the process made
// progress; or, by a clock of the caller's, when `remaining` says that none are left.
struct WaitLimit {
  int64_t nanoseconds = 0;
  int64_t (*remaining)(const void* argument) = nullptr;
  const void* argument = nullptr;
};

// Lives on the waiter's stack for as long as the wait is known to others.
template <class Policy>
class WaitEnd {
 public:
  using Atomics = typename Policy::Atomics;
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Fast = FastPath<Atomics>;
  using Table = HeldTable<Atomics>;
  using Rings = RingSearch<Policy>;
  using Wait = typename Rings::Wait;
  using Clock = ProgressClock<Atomics>;

  static constexpr int64_t kSearchInterval = Clock::kMillisecond;

  // `slot` is needed if the wait gets published.
  WaitEnd(Policy& policy, Word& word, const WaitLimit& limit, Slot* slot)
      : policy_(policy), word_(word), limit_(limit), slot_(slot) {}

  // hooks::CancelCallback. From any thread, also from within observer.Waiting. Who is just about to
  // sleep, past its last look here, has its nap first (8 ms at most).
  static void Cancel(void* end) {
    WaitEnd& self = *static_cast<WaitEnd*>(end);
    // Relaxed: it carries nothing but itself.
    self.cancelled_.store(1, std::memory_order_relaxed);
    self.policy_.Wake(&self.word_, std::numeric_limits<int>::max());
    if (self.slot_ != nullptr) WaiterQueue<Policy>(self.policy_).Nudge(*self.slot_);
  }

  // `watched`: the validator looks for rings of this wait.
  void Publish(uint8_t holder_mark, bool watched) {
    interrupted_ = Rings::Save(*slot_);
    // Release: pairs with the acquire of the first look in RingSearch::Look. Who sees this ticket
    // sees what this thread holds, and that its waits before this one have ended. (Acquire is not
    // needed.)
    mine_.ticket = policy_.tickets().fetch_add(1, std::memory_order_acq_rel) + 1;
    mine_.word = Fast::AddressOf(word_);
    mine_.held_inline = Table::OccupiedInline(*slot_);
    mine_.held_chunked = Table::OccupiedChunked(*slot_);
    mine_.watched = watched;
    mine_.holder_mark = holder_mark;
    Rings::Publish(*slot_, mine_);
  }

  // Whatever was published before this wait is again.
  void Withdraw() {
    if (mine_.ticket != 0) Rings::Publish(*slot_, interrupted_);
  }

  // Whether to give up the wait for a lock whose `locked` is `seen`, at the look of that number.
  bool Over(uint8_t seen, int look, LockResult* result) {
    // Relaxed: see Cancel.
    if (cancelled_.load(std::memory_order_relaxed) != 0) {
      *result = LockResult::kDeadlock;
      return true;
    }
    bool search = false;
    if (mine_.ticket != 0) {
      if (seen != mine_.holder_mark) {
        mine_.holder_mark = seen;
        // Relaxed: a hint.
        slot_->wait.holder_mark.store(seen, std::memory_order_relaxed);
      }
      // Relaxed, the load: most looks end here, without a read-modify-write. Acquire, the exchange:
      // pairs with the release in Search. The waits and holds that the other thread saw are visible
      // to us, too.
      search = !searched_ ||
               (slot_->wait.look_again.load(std::memory_order_relaxed) == mine_.ticket &&
                slot_->wait.look_again.exchange(0, std::memory_order_acquire) == mine_.ticket);
    }
    if (!search && look < Policy::Patience::kLooksWithoutClock) return false;
    const int64_t now = policy_.Now();
    if (TimeIsUp(now)) {
      *result = LockResult::kTimedOut;
      return true;
    }
    const bool interval_over = now >= next_search_;
    if (!search && !interval_over) return false;
    const bool first = next_search_ == 0;
    next_search_ = Sum(now, kSearchInterval);
    searched_ = true;
    if ((mine_.ticket != 0 && Search()) || (interval_over && !first && HolderIsGone(seen))) {
      *result = LockResult::kDeadlock;
      return true;
    }
    return false;
  }

  // After Over said no.
  int64_t NapLimit() const { return end_ - counted_; }

 private:
  static int64_t Sum(int64_t a, int64_t b) {  // neither negative
    return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max()
                                                       : a + b;
  }

  // The limit has passed when it has passed in full: at exactly its end it has.
  bool TimeIsUp(int64_t now) {
    const uint32_t uncounted = Clock::Note(policy_.progress(), now);
    if (end_ == 0) {
      uncounted_before_ = uncounted;
      end_ = Sum(now, limit_.nanoseconds);
    }
    counted_ = now;
    if (limit_.remaining == nullptr) {
      counted_ -= int64_t{uncounted - uncounted_before_} * Clock::kMillisecond;
    }
    if (counted_ < end_) return false;
    if (limit_.remaining == nullptr) return true;
    const int64_t left = limit_.remaining(limit_.argument);
    if (left <= 0) return true;
    end_ = Sum(counted_, left);
    return false;
  }

  // The lock's holder, of mark `seen`, has ended: nobody will give the lock back.
  bool HolderIsGone(uint8_t seen) const {
    return Rings::HolderIsGone(policy_, seen, Fast::AddressOf(word_));
  }

  // Whether this thread has to give way.
  bool Search() {
    const auto ring = Rings::Look(policy_, *slot_, mine_);
    if (ring.newest == nullptr) return false;
    if (ring.newest == slot_) return true;
    // Release: pairs with the acquire in Over.
    ring.newest->wait.look_again.store(ring.newest_ticket, std::memory_order_release);
    policy_.Wake(reinterpret_cast<const void*>(ring.newest_word), std::numeric_limits<int>::max());
    WaiterQueue<Policy>(policy_).Nudge(*ring.newest);
    return false;
  }

  Policy& policy_;
  Word& word_;
  const WaitLimit limit_;
  Slot* const slot_;
  typename Atomics::template Atomic<uint8_t> cancelled_{0};
  Wait mine_;         // ticket 0: not published
  Wait interrupted_;  // what was published before: the wait that this signal handler interrupts
  bool searched_ = false;
  int64_t next_search_ = 0;
  int64_t end_ = 0;      // 0: the clock was not read yet
  int64_t counted_ = 0;  // the time, without what did not count since the wait began
  uint32_t uncounted_before_ = 0;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_WAIT_END_H_
