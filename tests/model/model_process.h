// The locks' own code with everything around it replaced by what a stateless model checker can run:
// std::atomic, a fixed slot for each thread, a clock for each thread that moves when the thread
// looks at it, and sleeping that returns at once. README.md says how to use it and what it shows.
//
// Macros that the command line may set:
//   MODEL_THREADS     2 (the default) or 3
//   MODEL_ITERATIONS  how often main() runs the client: once by default, for a model checker
//   MODEL_NATIVE      runs on a real machine, where waiting threads had better yield
//   MODEL_WEAK        runs on the simulator of weak memory, weak_memory.h
#ifndef RQLOCKDEP_TESTS_MODEL_MODEL_PROCESS_H_
#define RQLOCKDEP_TESTS_MODEL_MODEL_PROCESS_H_

#include <assert.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <limits>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/lock_result.h"
#include "src/ring_search.h"
#include "src/spinlock_slow_path.h"
#include "src/wait_end.h"
#include "src/waiter_queue.h"

#ifndef MODEL_THREADS
#define MODEL_THREADS 2
#endif
#ifndef MODEL_ITERATIONS
#define MODEL_ITERATIONS 1
#endif
#ifdef MODEL_WEAK
#define MODEL_WEAK_HEADER "tests/model/weak_memory.h"
#include MODEL_WEAK_HEADER  // by a name, so that it does not get into the amalgamated file
#elif defined(MODEL_NATIVE)
#include <sched.h>
#define MODEL_YIELD() static_cast<void>(sched_yield())
#else
#define MODEL_YIELD() static_cast<void>(0)
#endif
#ifdef NDEBUG
#error "without assert nothing is checked"
#endif

namespace rqlockdep::model {

#ifndef MODEL_WEAK
using Atomics = internal::NativeAtomics;
template <class T>
using Plain = T;  // not atomic: a race on it is an error
#endif
template <class T>
using Atomic = Atomics::Atomic<T>;

using Word = internal::BasicLockWord<Atomics>;
using Slot = internal::BasicThreadSlot<Atomics>;
using Cell = internal::BasicCell<Atomics>;
using Fast = internal::FastPath<Atomics>;

inline constexpr int kThreads = MODEL_THREADS;
inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

// The slots of a process. Thread t has slot t * id_distance; a distance of kSlotMarks gives all
// threads the same mark. All but those from `first_unregistered` on are in use from the beginning.
class Process {
 public:
  explicit Process(uint32_t id_distance = 1, int first_unregistered = kThreads)
      : id_distance_(id_distance) {
    for (int i = 0; i < kThreads; ++i) {
      const uint32_t id = static_cast<uint32_t>(i) * id_distance;
      slots[i].id = static_cast<uint16_t>(id);
      slots[i].mark = internal::MarkOfSlot(id);
      for (Cell& cell : slots[i].cells) cell.mark = slots[i].mark;
      cursors[i] = &slots[i].cells[0];
      if (i < first_unregistered) Register(i);
    }
  }

  // What SlotTable::TakeBetween does for a thread that comes.
  void Register(int thread) {
    owners_[thread].store(1, std::memory_order_relaxed);
    const uint32_t id = slots[thread].id;
    uint32_t limit = limit_.load(std::memory_order_relaxed);
    while (limit <= id && !limit_.compare_exchange_weak(limit, id + 1, std::memory_order_acq_rel,
                                                        std::memory_order_relaxed)) {
    }
    changes_.fetch_add(1, std::memory_order_release);
  }

  Slot* SlotWithId(uint32_t id) {
    return id % id_distance_ == 0 ? &slots[id / id_distance_] : &nobody_;
  }
  uint32_t limit() const { return limit_.load(std::memory_order_acquire); }
  bool IsInUse(uint32_t id) const {
    return id % id_distance_ == 0 &&
           owners_[id / id_distance_].load(std::memory_order_relaxed) != 0;
  }
  // As SlotTable::changes.
  uint64_t changes() {
#ifndef MODEL_BUG_CHANGES_ARE_LOADED
    return changes_.fetch_add(0, std::memory_order_acq_rel);
#else
    return changes_.load(std::memory_order_acquire);
#endif
  }

  // Nothing of a finished client is left. Only when all threads have been joined.
  void ExpectClean() const {
    for (const Slot& slot : slots) {
      for (const Cell& cell : slot.cells) {
        assert(cell.lock.load(std::memory_order_relaxed) == internal::kFreeCell);
      }
      assert(slot.node.state.load(std::memory_order_relaxed) == 0);
      assert(slot.wait.ticket.load(std::memory_order_relaxed) == 0);
    }
  }
  static void ExpectFree(const Word& word) {
    const uint8_t locked = word.locked.load(std::memory_order_relaxed);
    assert(locked == 0 || locked == internal::kReservedMark);
    assert(word.pending.load(std::memory_order_relaxed) == 0);
    assert(word.tail.load(std::memory_order_relaxed) == 0);
  }

  Slot slots[kThreads];
  Cell* cursors[kThreads] = {};
  int unlisted[kThreads] = {};
  int64_t clocks[kThreads] = {};
  int naps[kThreads] = {};
  Atomic<uint64_t> tickets{0};
  Atomic<uint64_t> progress{0};

 private:
  const uint32_t id_distance_;
  Slot nobody_;
  Atomic<int32_t> owners_[kThreads] = {};
  Atomic<uint32_t> limit_{0};
  Atomic<uint64_t> changes_{0};
};

// One thread's policy (spinlock_slow_path.h).
class Policy {
 public:
  using Atomics = model::Atomics;
  struct Patience {
    static constexpr int kLooksWithoutClock = 1;
    static constexpr int kNewcomerLooks = 1;
    static constexpr int kSpinRounds = 1;
    static constexpr int kLongestSpin = 1;
    static constexpr int kYields = 1;
    static constexpr int kRoundsBetweenYields = 1;
    static constexpr int64_t kQuickYield = 1;
    static constexpr int64_t kIdleSpin = 0;
    static constexpr int kRoundsBeforeSleep = 1;
    static constexpr int kFruitlessWakes = 2;
  };

  Policy(Process& process, int me) : process_(process), me_(me) {}

  uint32_t slot_limit() { return process_.limit(); }
  Slot* slot_at(uint32_t id) { return process_.SlotWithId(id); }
  bool slot_in_use(uint32_t id) { return process_.IsInUse(id); }
  uint64_t slot_changes() { return process_.changes(); }
  bool is_forked() { return false; }
  bool slot_has_ended(uint32_t) { return false; }
  Atomic<uint64_t>& progress() { return process_.progress; }
  Atomic<uint64_t>& tickets() { return process_.tickets; }
  internal::BasicCellChunk<Atomics>* NewChunk() { return nullptr; }
  void SetCursor(Cell* cell) { process_.cursors[me_] = cell; }
  int& UnlistedHolds() { return process_.unlisted[me_]; }

  // Looks cost nothing here, so a rest is a single pause.
  uint32_t& LookCost() { return look_cost_; }
  uint64_t Ticks() { return 0; }
  bool BeginSlice() { return false; }
  void EndSlice() {}
  int64_t Now() { return process_.clocks[me_] += kMillisecond / 4; }
  void Pause(int) { MODEL_YIELD(); }
  void Yield() { MODEL_YIELD(); }
  // A futex may return for no reason, so one that always does is a futex. Every other time the
  // reason is that the time is up.
  bool Sleep(Word& word, uint8_t locked, uint8_t pending, uint16_t tail, int64_t nanoseconds) {
    return word.locked.load(std::memory_order_relaxed) == locked &&
           word.pending.load(std::memory_order_relaxed) == pending &&
           word.tail.load(std::memory_order_relaxed) == tail && Nap(nanoseconds);
  }
  bool Sleep(Atomic<uint32_t>& word, uint32_t value, int64_t nanoseconds) {
    return word.load(std::memory_order_relaxed) == value && Nap(nanoseconds);
  }
  void Wake(const void*, int) {}

 private:
  bool Nap(int64_t nanoseconds) {
    MODEL_YIELD();
    if (process_.naps[me_]++ % 2 == 0) return false;
    process_.clocks[me_] += nanoseconds;
    return true;
  }

  Process& process_;
  uint32_t look_cost_ = 0;
  const int me_;
};

using SlowPath = internal::SpinlockSlowPath<Policy>;

struct NoObserver {
  bool Waiting(void (*)(void*), void*) { return false; }
  void Acquired() {}
  void Failed(LockResult) {}
};

// What ResilientSpinlock does, line by line.
template <class Observer = NoObserver>
LockResult Acquire(Process& process, int me, Word& word, int64_t limit = kForever,
                   Observer observer = {}) {
  Cell* attempt;
  if (Fast::Acquire(word, *process.cursors[me], &attempt)) return LockResult::kOk;
  Policy policy(process, me);
  return SlowPath(policy).Acquire(word, &process.slots[me], attempt,
                                  internal::WaitLimit{.nanoseconds = limit}, observer);
}
inline void Release(Process& process, int me, Word& word) {
  if (Fast::Release(word, *process.cursors[me])) return;
  Policy policy(process, me);
  const bool held = SlowPath(policy).Release(word, &process.slots[me]);
  assert(held);
}

// What QueuedSpinlock does.
inline void Lock(Process& process, int me, Word& word) {
  uint8_t seen = 0;
  if (word.locked.compare_exchange_strong(seen, internal::kUnlistedMark, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
    return;
  }
  Policy policy(process, me);
  SlowPath(policy).Lock(word, &process.slots[me], NoObserver());
}
inline void Unlock(Process& process, int me, Word& word) {
  if (word.pending.load(std::memory_order_relaxed) != 0) {
    Policy policy(process, me);
    SlowPath(policy).Unlock(word);
  } else {
    word.locked.store(0, std::memory_order_release);
  }
}

// Runs a World, over and over: world.Run(thread) on each thread, then world.Check().
template <class World>
struct Client {
  World* world;
  int thread;
  std::atomic<int>* running;

  static void* Start(void* argument) {
    Client* const client = static_cast<Client*>(argument);
#ifdef MODEL_NATIVE  // else a client is over before the next thread has begun
    client->running->fetch_add(1, std::memory_order_relaxed);
    while (client->running->load(std::memory_order_relaxed) != kThreads) MODEL_YIELD();
#endif
    client->world->Run(client->thread);
    return nullptr;
  }

  static int Main() {
    for (int i = 0; i < MODEL_ITERATIONS; ++i) {
      World world;
      Client clients[kThreads];
      pthread_t threads[kThreads];
      std::atomic<int> running{0};
      for (int t = 0; t < kThreads; ++t) {
        clients[t] = {.world = &world, .thread = t, .running = &running};
        const int error = pthread_create(&threads[t], nullptr, &Start, &clients[t]);
        assert(error == 0);
        static_cast<void>(error);
      }
      for (int t = 0; t < kThreads; ++t) pthread_join(threads[t], nullptr);
      world.Check();
    }
    return 0;
  }
};

}  // namespace rqlockdep::model

#endif  // RQLOCKDEP_TESTS_MODEL_MODEL_PROCESS_H_
