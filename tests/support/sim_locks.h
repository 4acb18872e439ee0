// The real lock algorithms on a ControlledScheduler: words, slots and tables made of SimAtomics, a
// virtual clock, and sleeping that the scheduler sees.
#ifndef RQLOCKDEP_TESTS_SUPPORT_SIM_LOCKS_H_
#define RQLOCKDEP_TESTS_SUPPORT_SIM_LOCKS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/deliberate_fault.h"
#include "src/held_table.h"
#include "src/pending_byte.h"
#include "src/ring_search.h"
#include "src/spinlock_slow_path.h"
#include "src/wait_end.h"
#include "src/waiter_queue.h"
#include "tests/support/controlled_scheduler.h"

namespace rqlockdep {

struct SimAtomics {
  template <class T>
  using Atomic = SimAtomic<T>;
};

using SimWord = internal::BasicLockWord<SimAtomics>;
using SimSlot = internal::BasicThreadSlot<SimAtomics>;
using SimCell = internal::BasicCell<SimAtomics>;

inline constexpr int64_t kSimForever = std::numeric_limits<int64_t>::max();

// How long waiters do what, in all processes.
//
// Patient ones do each thing once: they rest as newcomers, spin, yield, and look again before they
// sleep. Hasty ones look once in each place, and never pause before they go to the next and sleep:
// all places are still visited, but there is much less to explore.
struct SimPatience {
  static constexpr int kLooksWithoutClock = 1;
  static constexpr int64_t kQuickYield = 1;
  static constexpr int kFruitlessWakes = 2;
  static inline int64_t kIdleSpin = 0;
  static inline int kNewcomerLooks = 1;
  static inline int kSpinRounds = 1;
  static inline int kLongestSpin = 1;
  static inline int kYields = 1;
  static inline int kRoundsBetweenYields = 1;
  static inline int kRoundsBeforeSleep = 1;

  static void BeHasty(bool hasty) {
    kIdleSpin = 0;
    kNewcomerLooks = kSpinRounds = kLongestSpin = hasty ? 0 : 1;
    kYields = kRoundsBetweenYields = kRoundsBeforeSleep = hasty ? 0 : 1;
  }
};

// One process: slots and the locks of a test. See spinlock_slow_path.h for what a policy is.
// `kBug`: a bug put back on purpose.
template <int kThreads, int kLocks,
          internal::DeliberateFault kBug = internal::DeliberateFault::kNone>
class SimProcess {
 public:
  class Policy {
   public:
    using Atomics = SimAtomics;
    static constexpr internal::DeliberateFault kFault = kBug;
    using Patience = SimPatience;
    explicit Policy(SimProcess& process) : process_(process) {}
    uint32_t slot_limit() { return process_.slot_limit_; }
    SimSlot* slot_at(uint32_t id) { return process_.SlotWithId(id); }
    bool slot_in_use(uint32_t id) { return id % process_.id_distance_ == 0; }
    uint64_t slot_changes() { return 0; }
    bool is_forked() { return process_.is_forked; }
    bool slot_has_ended(uint32_t id) { return process_.ended[id / process_.id_distance_]; }
    SimAtomic<uint64_t>& progress() { return process_.progress_; }
    SimAtomic<uint64_t>& tickets() { return process_.tickets_; }
    internal::BasicCellChunk<SimAtomics>* NewChunk() { return nullptr; }
    void SetCursor(SimCell* cell) { process_.cursors_[process_.me()] = cell; }
    int& UnlistedHolds() { return process_.unlisted_[process_.me()]; }
    // Looks cost nothing here, so a rest is a single pause.
    uint32_t& LookCost() { return look_cost_; }
    uint64_t Ticks() { return 0; }
    // As if the kernel granted every extension that is asked for.
    bool BeginSlice() {
      if (!process_.has_slices_) return false;
      ++process_.slices_begun_[process_.me()];
      return true;
    }
    void EndSlice() { ++process_.slices_ended_[process_.me()]; }
    // Time passes only while threads sleep: how long a spin takes is up to the scheduler anyway.
    int64_t Now() {
      process_.NoteStanding();
      if (process_.at_clock != nullptr) process_.at_clock(process_.me());
      return ControlledScheduler::Current().now();
    }
    void Pause(int) {
      if (process_.at_pause != nullptr) process_.at_pause(process_.me());
      ControlledScheduler::Current().Step(/*willing=*/true);
    }
    void Yield() {
      if (process_.at_yield != nullptr) process_.at_yield(process_.me());
      ControlledScheduler::Current().Step(/*willing=*/true);
    }
    // The kernel compares and puts to sleep in one step.
    bool Sleep(SimWord& word, uint8_t locked, uint8_t pending, uint16_t tail, int64_t nanoseconds) {
      process_.BeforeNap(nanoseconds);
      ControlledScheduler& scheduler = ControlledScheduler::Current();
      scheduler.Step(/*willing=*/false);
      const bool unchanged =
          word.locked.PeekIs(locked) && word.pending.PeekIs(pending) && word.tail.PeekIs(tail);
      scheduler.Saw(unchanged ? 1 : 0);
      return unchanged && scheduler.Sleep(&word, nanoseconds);
    }
    bool Sleep(SimAtomic<uint32_t>& word, uint32_t value, int64_t nanoseconds) {
      process_.BeforeNap(nanoseconds);
      ControlledScheduler& scheduler = ControlledScheduler::Current();
      scheduler.Step(/*willing=*/false);
      const bool unchanged = word.PeekIs(value);
      scheduler.Saw(unchanged ? 1 : 0);
      return unchanged && scheduler.Sleep(&word, nanoseconds);
    }
    void Wake(const void* word, int count) {
      ControlledScheduler::Current().Step(/*willing=*/false);
      ControlledScheduler::Current().Wake(word, count);
    }

   private:
    SimProcess& process_;
    uint32_t look_cost_ = 0;
  };
  using SlowPath = internal::SpinlockSlowPath<Policy>;
  using Fast = internal::FastPath<SimAtomics>;
  using Pending = internal::PendingByte<SimWord>;
  using Queue = internal::WaiterQueue<Policy>;

  // Thread t has slot t * id_distance. A distance of kSlotMarks gives all threads the same mark.
  explicit SimProcess(uint32_t id_distance = 1) : id_distance_(id_distance) {
    for (int i = 0; i < kThreads; ++i) {
      const uint32_t id = static_cast<uint32_t>(i) * id_distance;
      slots_[i].id = static_cast<uint16_t>(id);
      slots_[i].mark = internal::MarkOfSlot(id);
      for (SimCell& cell : slots_[i].cells) cell.mark = slots_[i].mark;
      cursors_[i] = &slots_[i].cells[0];
      slot_limit_ = id + 1;
    }
  }

  // What ResilientSpinlock does, line by line.
  template <class Observer>
  LockResult Acquire(int lock, int64_t limit, Observer observer) {
    return Operation([&] {
      SimCell* attempt;
      if (Fast::Acquire(words[lock], *cursors_[me()], &attempt)) return LockResult::kOk;
      return SlowPath(policy_).Acquire(words[lock], &slots_[me()], attempt,
                                       internal::WaitLimit{.nanoseconds = limit}, observer);
    });
  }
  LockResult Acquire(int lock, int64_t limit = kSimForever) {
    return Acquire(lock, limit, NoObserver());
  }
  bool TryAcquire(int lock) {
    return Operation([&] {
      SimCell* attempt;
      return Fast::Acquire(words[lock], *cursors_[me()], &attempt) ||
             SlowPath(policy_).TryAcquire(words[lock], &slots_[me()], attempt);
    });
  }
  // Whether it was held, which the real one does not say.
  bool Release(int lock) {
    return Operation([&] {
      return Fast::Release(words[lock], *cursors_[me()]) ||
             SlowPath(policy_).Release(words[lock], &slots_[me()]);
    });
  }
  // What QueuedSpinlock does.
  void LockRegular(int lock) {
    Operation([&] {
      uint8_t seen = 0;
      if (!words[lock].locked.compare_exchange_strong(seen, internal::kUnlistedMark,
                                                      std::memory_order_acquire,
                                                      std::memory_order_relaxed)) {
        SlowPath(policy_).Lock(words[lock], &slots_[me()], NoObserver());
      }
      return true;
    });
  }
  void UnlockRegular(int lock) {
    Operation([&] {
      if (words[lock].pending.load(std::memory_order_relaxed) != 0) {
        SlowPath(policy_).Unlock(words[lock]);
      } else {
        words[lock].locked.store(0, std::memory_order_release);
      }
      return true;
    });
  }

  // What a thread without a slot does: it has no table and cannot queue.
  LockResult AcquireWithoutSlot(int lock, int64_t limit = kSimForever) {
    return Operation([&] {
      return SlowPath(policy_).Acquire(words[lock], nullptr, nullptr,
                                       internal::WaitLimit{.nanoseconds = limit}, NoObserver());
    });
  }
  bool ReleaseWithoutSlot(int lock) {
    return Operation([&] { return SlowPath(policy_).Release(words[lock], nullptr); });
  }

  // --- Where everybody stands, for tests: no steps of the program
  // ---------------------------------
  bool HasSpinner(int lock) const { return (words[lock].pending.Peek() & Pending::kSpinner) != 0; }
  int Sleepers(int lock) const { return words[lock].pending.Peek() & Pending::kSleepers; }
  bool HasQueue(int lock) const { return words[lock].tail.Peek() != 0; }
  bool IsHeld(int lock) const {
    const uint8_t locked = words[lock].locked.Peek();
    return locked != 0 && locked != internal::kReservedMark;
  }
  bool IsHead(int thread) const { return slots_[thread].node.state.Peek() == Queue::kHead; }
  // In the queue, but not its head.
  bool IsBehind(int thread) const {
    const uint32_t state = slots_[thread].node.state.Peek();
    return state == Queue::kWaiting || state == Queue::kSleeping;
  }
  bool IsAsleepInQueue(int thread) const {
    return ControlledScheduler::Current().IsAsleepOn(thread, &slots_[thread].node.state);
  }
  bool IsAsleep(int thread) const { return ControlledScheduler::Current().IsAsleepOrEnded(thread); }
  // Where a thread stood when it last looked at the clock; that is also the last thing a waiter
  // does before it gives up because of its limit or a ring.
  enum class Standing { kNowhere, kOutside, kHeadAlone, kHeadWithFollower, kMiddle, kEnd };
  Standing standing(int thread) const { return standing_[thread]; }
  int standing_on = 0;  // the lock whose `tail` tells who is last

  // A critical section of one step, in which nobody else may be.
  void Inside(int lock) {
    if (inside_[lock]) ControlledScheduler::Current().Fail("two owners of one lock");
    inside_[lock] = true;
    ControlledScheduler::Current().Step(/*willing=*/false);
    inside_[lock] = false;
  }

  // After the end: all words free, all tables empty, no wait published. Empty if so.
  std::string Leftovers() const {
    for (int i = 0; i < kLocks; ++i) {
      // A lock that was left to waiters who have gone since is free, too: see kReservedMark.
      const uint8_t locked = words[i].locked.Peek();
      if (locked != 0 && locked != internal::kReservedMark) return "lock left locked";
      if (words[i].pending.Peek() != 0) return "lock left pending";
      if (words[i].tail.Peek() != 0) return "lock left with a tail";
    }
    for (const SimSlot& slot : slots_) {
      for (const SimCell& cell : slot.cells) {
        if (cell.lock.Peek() != internal::kFreeCell) return "cell left occupied";
      }
      if (slot.node.state.Peek() != Queue::kIdle) return "node left in use";
      if (slot.wait.ticket.Peek() != 0) return "wait left published";
      if (slot.wait.writes_begun.Peek() != slot.wait.writes_done.Peek()) return "half a record";
    }
    for (int i = 0; i < kThreads; ++i) {
      if (slices_begun_[i] != slices_ended_[i]) return "a longer time slice was not given back";
    }
    return "";
  }

  // From now on the kernel has time-slice extensions.
  void OfferSlices() { has_slices_ = true; }
  int slices() const {
    int sum = 0;
    for (const int begun : slices_begun_) sum += begun;
    return sum;
  }

  SimWord words[kLocks];
  bool is_forked = false;
  int64_t longest_nap = kSimForever;         // that anybody may ask for
  SimNote<bool> ended[kThreads];             // of each thread: no more, for the locks
  std::function<void(int thread)> at_pause;  // called before each pause of a waiter, if set
  std::function<void(int thread)> at_yield;  // called before each yield of a waiter, if set
  std::function<void(int thread, int64_t nanoseconds)> at_nap;  // the same for going to sleep
  std::function<void(int thread)> at_clock;  // called before each look at the clock, if set

 private:
  struct NoObserver {
    bool Waiting(void (*)(void*), void*) { return false; }
    void Acquired() {}
    void Failed(LockResult) {}
  };

  int me() const { return ControlledScheduler::Current().thread(); }
  // Runs `operation`, of which the thread learns the result alone.
  template <class Function>
  auto Operation(Function operation) {
    ControlledScheduler& scheduler = ControlledScheduler::Current();
    const uint64_t begin = scheduler.BeginOperation();
    const auto result = operation();
    const int thread = me();
    // What the thread keeps beside the SimAtomics.
    uint64_t kept = static_cast<uint64_t>(cursors_[thread] - &slots_[thread].cells[0]);
    kept = kept << 8 | static_cast<uint8_t>(unlisted_[thread]);
    kept = kept << 8 | static_cast<uint8_t>(slices_begun_[thread] - slices_ended_[thread]);
    if (static_cast<int>(result) != static_cast<int>(LockResult::kOk)) {
      kept = kept << 8 | static_cast<uint8_t>(standing_[thread]);  // tests ask for it then
    }
    scheduler.EndOperation(begin, kept << 8 | static_cast<uint8_t>(result));
    return result;
  }
  void BeforeNap(int64_t nanoseconds) {
    if (at_nap != nullptr) at_nap(me(), nanoseconds);
    if (nanoseconds > longest_nap) ControlledScheduler::Current().Fail("too long a nap");
  }
  // Statistics, for which the program's steps need not be told apart.
  void NoteStanding() {
    const bool last = words[standing_on].tail.Glance() == slots_[me()].id + 1;
    const uint32_t state = slots_[me()].node.state.Glance();
    Standing& mine = standing_[me()];
    if (state == Queue::kHead) {
      mine = last ? Standing::kHeadAlone : Standing::kHeadWithFollower;
    } else if (state == Queue::kWaiting || state == Queue::kSleeping) {
      mine = last ? Standing::kEnd : Standing::kMiddle;
    } else {
      mine = Standing::kOutside;
    }
  }
  SimSlot* SlotWithId(uint32_t id) {
    return id % id_distance_ == 0 ? &slots_[id / id_distance_] : &nobody_;
  }

  SimSlot slots_[kThreads];
  SimSlot nobody_;
  SimCell* cursors_[kThreads] = {};
  SimAtomic<uint64_t> tickets_{0};
  SimAtomic<uint64_t> progress_{0};
  uint32_t slot_limit_ = 0;
  const uint32_t id_distance_;
  int unlisted_[kThreads] = {};
  SimNote<bool> inside_[kLocks];
  bool has_slices_ = false;
  int slices_begun_[kThreads] = {};
  int slices_ended_[kThreads] = {};
  Standing standing_[kThreads] = {};
  Policy policy_{*this};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_SIM_LOCKS_H_
