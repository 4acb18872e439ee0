// Runs a small concurrent program through all of its interleavings, one after the other, on one
// processor, without real threads, time or luck.
//
// The program's threads are fibers. Before each operation on a SimAtomic the running fiber stops,
// and the scheduler decides who goes on: that is a choice. Explore() runs the program again and
// again until every sequence of choices has been tried (depth first), but for those that can show
// nothing new (see below).
//
// What can happen at a choice:
//   - a thread that does not sleep goes on; taking the turn from one that could go on, and does not
//     ask for it by Pause(), is a preemption, of which a number can be allowed;
//   - the running thread's signal handler, if it has one, runs on top of it, once;
//   - a sleep ends by its time, out of turn, as often as Options allows. When all sleep, the one
//     that would wake first does; then the clock moves on.
// Memory is sequentially consistent: what weaker memory allows has to be argued, or found by TSan.
//
// What is not tried, and why nothing is lost. controlled_scheduler_test.cc compares with trying
// everything.
//
// 1. What follows on a state seen before. A state is the value of all SimAtomics and SimNotes, the
//    virtual clock, who sleeps, and for each thread a digest of what it has seen so far, which
//    fixes where it is and what its variables are. Of an operation that has ended only the result
//    counts (BeginOperation). A state with no more preemptions and early wake-ups left than it was
//    explored with has nothing new to show. So that this is so whenever a state is met again,
//    executions with fewer of them come first: a choice that costs one is put off.
// 2. A choice before a step that depends on nothing that others do from then on: on a variable that
//    no other thread will use, or that nobody else will change and the step does not change either.
//    Take any execution in which others go first there. The step can as well be moved before
//    theirs: it sees and leaves the same. That costs no preemption more, for the thread loses its
//    turn after the step instead of before it; one less, if it had been given the turn for that
//    step alone. (Such a step is a persistent set of its own, in terms of partial order reduction;
//    see Coons, Musuvathi and McKinley, Bounded partial-order reduction, OOPSLA 2013, for why
//    bounds need care.) What others will do is found out. It is noted for each variable and thread
//    how many operations the thread had begun or ended when it last read it, and changed it; at
//    first, that it never does. When an execution shows otherwise, everything is explored again
//    with what was learned. What counts as use: operations on SimAtomics, SimNotes, Peek, what
//    Await looks at, going to sleep, waking, the clock.
//
// The program must be deterministic, finite when scheduled fairly, keep its SimAtomics at the same
// addresses in every execution (SimStorage), hold nothing that needs destruction across a
// SimAtomic operation (an execution that is left out just stops), and keep what its threads tell
// each other beside the SimAtomics in SimNotes.
#ifndef RQLOCKDEP_TESTS_SUPPORT_CONTROLLED_SCHEDULER_H_
#define RQLOCKDEP_TESTS_SUPPORT_CONTROLLED_SCHEDULER_H_

#include <ucontext.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace rqlockdep {

// Room for an object that is made anew for each execution, in the same place.
template <class T>
class SimStorage {
 public:
  SimStorage() = default;
  ~SimStorage() {
    if (object_ != nullptr) object_->~T();
  }
  SimStorage(const SimStorage&) = delete;
  SimStorage& operator=(const SimStorage&) = delete;

  template <class... Arguments>
  T& Renew(const Arguments&... arguments) {
    if (object_ != nullptr) object_->~T();
    object_ = ::new (memory_) T(arguments...);
    return *object_;
  }

 private:
  alignas(T) unsigned char memory_[sizeof(T)];
  T* object_ = nullptr;
};

// One execution of the program.
struct SimProgram {
  std::vector<std::function<void()>> threads;
  std::vector<std::function<void()>> handlers;  // by thread; may be shorter or have empty ones
  // After all threads have ended: says what is wrong, or nothing. Reads SimAtomics with Peek.
  std::function<std::string()> at_end;
};

class ControlledScheduler {
 public:
  struct Options {
    int preemptions = -1;           // at most, in one execution; negative: any number
    int early_wakeups = 0;          // sleeps that end by their time though others could go on
    size_t steps = 5'000;           // an execution with more is endless: a failure
    size_t executions = 1'000'000;  // to stop at; Result::complete says whether that happened
    // Only for comparison: false tries all that the comment above says is not tried.
    bool merge_states = true;  // 1
    bool leave_out = true;     // 2
  };
  struct Result {
    size_t executions = 0;
    size_t states = 0;
    bool complete = false;             // everything within the options was tried
    std::string failure;               // empty: none
    std::vector<int> failing_choices;  // for each, 10 * thread + (0 goes on, 1 handler, 2 wakes up)
  };

  // `make` is called before each execution. Stops at the first failure.
  static Result Explore(const std::function<SimProgram()>& make, const Options& options);

  // --- For the program, while it runs
  // -------------------------------------------------------------
  static ControlledScheduler& Current() { return *current_; }
  static ControlledScheduler* current() { return current_; }  // null: none
  int thread() const { return running_; }                     // the number of the running thread
  // The virtual clock.
  int64_t now();
  // The running thread goes on when `ready`, which looks at the program without steps, says so.
  void Await(std::function<bool()> ready);
  // How many sleeps of the running thread were ended by their time.
  int full_naps() const;
  // The running thread took so long; no sleep ends because of that.
  void PassTime(int64_t nanoseconds);
  bool IsAsleepOrEnded(int thread);
  bool IsAsleepOn(int thread, const void* address);
  // The program is wrong: ends the exploration. Allocates nothing: nobody would free it.
  [[noreturn]] void Fail(const char* why);
  // Around an operation whose caller learns nothing but what goes into `result`, and that leaves
  // nothing behind for the thread's next operations but what goes into it, too. How it came about
  // is forgotten.
  uint64_t BeginOperation();
  void EndOperation(uint64_t begin, uint64_t result);

  // A point at which others may go on. `willing`: the running thread asks them to.
  void Step(bool willing);
  // The same before an operation on the shared variable at `address`; `write`: it may change it.
  void StepBefore(const void* address, bool write);
  // The running thread does something to the variable at `address`, not as a step, but as part of
  // the one before; or an Await looks at it.
  void BesideStep(const void* address, bool write);
  // The running thread's step concerns what is at `address`; `write`: and changed it.
  void Touch(const void* address, bool write);
  // The running thread has seen `value`.
  void Saw(uint64_t value);
  // The shared variable at `address` changed.
  void Changed(const void* address, uint64_t before, uint64_t after);
  // Whether a thread runs, and not what an Await waits for is looked at.
  bool IsThreadRunning() const { return running_ != kMain && looking_ == kMain; }
  // Sleeps on an address for a while. True if the time is up.
  bool Sleep(const void* address, int64_t nanoseconds);
  void Wake(const void* address, int count);

 private:
  static constexpr int kMain = -1;

  struct Fiber;
  static constexpr int kThreads = 8;
  // What can happen next.
  struct Action {
    uint8_t thread;
    enum What : uint8_t { kGoOn, kHandler, kWakeUp } what;
    bool preempts;  // counts as a preemption
    bool early;     // counts as an early wake-up
  };
  // In place, because an execution that is left frees nothing.
  class ActionList {
   public:
    void Add(int thread, Action::What what, bool preempts, bool early);
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const Action& operator[](size_t i) const { return actions_[i]; }

   private:
    Action actions_[2 * kThreads + 2];
    size_t size_ = 0;
  };
  // What happened, or is to happen, where several things could.
  struct Choice {
    uint16_t step;
    Action action;
  };
  // Alternatives that cost nothing: tried next.
  struct Open {
    size_t depth;
    Choice choice;
  };
  // Alternatives that cost something: put off.
  struct PutOff {
    size_t begin;         // in choices: those before, then the alternatives
    size_t before;        // how many of the first
    size_t alternatives;  // and of the others
  };
  struct Level {
    std::vector<Choice> choices;
    std::vector<PutOff> put_off;
  };
  enum class End { kDone, kSeenBefore, kFailed };
  // Who uses a shared variable, in all executions: for each thread, 0 for never, or one more than
  // its phase when it last did.
  struct Phases {
    uint16_t read[kThreads] = {};
    uint16_t written[kThreads] = {};
  };
  struct Use {
    Phases known;  // when this exploration began
    Phases found;
  };
  enum class Who {
    kAnybody,
    kWilling,  // anybody, and the running thread asks them to
    kRunning,  // the running thread or its handler
    kOthers,   // anybody, but not the running thread's handler
  };

  explicit ControlledScheduler(const Options& options);
  ~ControlledScheduler();

  End Run(const SimProgram& program);
  static void FiberMain();
  void RunFiber();
  void PrepareFiber(Fiber& fiber);
  void Step(Who who);
  Action Next(Who who);
  ActionList ActionsFor(Who who, bool goes_on, bool can_go_on);
  Action Choose(const ActionList& actions, bool turn_counts);
  bool DependsOnOthers(const void* address, bool write) const;
  void CountStep();
  void SwitchTo(int fiber);
  void LeaveExecution(End end);
  uint64_t StateDigest(bool turn_counts) const;
  bool SeenBefore(uint64_t state);
  bool ShouldStartAgain(bool all_explored) const;
  void StartAgain();
  void EndSleep(int thread, bool by_time);
  void TouchAs(int thread, const void* address, bool write);
  bool CanGoOn(int thread);
  bool Backtrack();
  bool TakeUpPutOff();
  int Cost() const { return preemptions_ + early_wakeups_; }
  // Choices are made again that were made before.
  bool Repeats() const { return depth_ < repeated_; }
  static const void* SleepersOn(const void* address);

  static inline ControlledScheduler* current_ = nullptr;

  const Options options_;
  // For each state the budgets with which everything that follows is explored, see SeenBefore.
  absl::flat_hash_map<uint64_t, uint64_t> seen_;
  absl::flat_hash_map<const void*, Use> uses_;
  // How many states were known when a variable turned out to need choices.
  static constexpr size_t kNone = SIZE_MAX;
  size_t states_until_surprise_ = kNone;
  std::vector<Choice> choices_;  // of the current execution
  std::vector<Open> open_;
  std::vector<Level> put_off_;  // by what they will have cost
  size_t level_ = 0;            // which of these is being tried
  size_t next_put_off_ = 0;
  std::string failure_;

  // Of the current execution.
  const SimProgram* program_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::unique_ptr<Fiber> main_;
  size_t depth_ = 0;     // how many choices were made
  size_t repeated_ = 0;  // how many choices are as before
  size_t steps_ = 0;
  int running_ = kMain;
  int looking_ = kMain;  // whose Await is looked at
  int preemptions_ = 0;
  int early_wakeups_ = 0;
  int64_t now_ = 0;
  uint64_t memory_digest_ = 0;
  bool left_out_ = false;  // a choice, since the last one
  End end_ = End::kDone;
};

// A value in a digest.
template <class T>
uint64_t SimBits(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<uintptr_t>(value);
  } else {
    return static_cast<uint64_t>(value);
  }
}

// std::atomic for programs under a ControlledScheduler.
template <class T>
class SimAtomic {
 public:
  constexpr SimAtomic() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): like std::atomic.
  constexpr SimAtomic(T value) : value_(value) { BeginsOrEnds(); }
  // One that lived on a fiber's stack is no part of the state any more.
  constexpr ~SimAtomic() { BeginsOrEnds(); }
  SimAtomic(const SimAtomic&) = delete;
  SimAtomic& operator=(const SimAtomic&) = delete;

  T load(std::memory_order) const {
    Scheduler()->StepBefore(this, /*write=*/false);
    return See();
  }
  void store(T value, std::memory_order) {
    Scheduler()->StepBefore(this, /*write=*/true);
    Set(value);
  }
  T exchange(T value, std::memory_order) {
    Scheduler()->StepBefore(this, /*write=*/true);
    const T old = See();
    Set(value);
    return old;
  }
  T fetch_add(T value, std::memory_order) {
    Scheduler()->StepBefore(this, /*write=*/true);
    const T old = See();
    Set(static_cast<T>(old + value));
    return old;
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order, std::memory_order) {
    Scheduler()->StepBefore(this, /*write=*/true);
    const T old = See();
    if (old != expected) {
      expected = old;
      return false;
    }
    Set(value);
    return true;
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order a, std::memory_order b) {
    return compare_exchange_strong(expected, value, a, b);
  }

  // For checks, and for what Await waits for: not a step, but part of the one before.
  T Peek() const {
    if (Scheduler() != nullptr) {
      Scheduler()->BesideStep(this, /*write=*/false);
      if (Scheduler()->IsThreadRunning()) Scheduler()->Saw(SimBits(value_));
    }
    return value_;
  }
  // Right after a step, if the program does not learn the value, but only whether it is this.
  bool PeekIs(T value) const {
    Scheduler()->Touch(this, /*write=*/false);
    return value_ == value;
  }
  // For statistics, on which nothing in the program depends.
  T Glance() const { return value_; }

 private:
  static ControlledScheduler* Scheduler() { return ControlledScheduler::current(); }
  constexpr void BeginsOrEnds() {
    if (!std::is_constant_evaluated() && value_ != T{} && Scheduler() != nullptr) {
      Scheduler()->Changed(this, 0, SimBits(value_));
    }
  }
  T See() const {
    Scheduler()->Touch(this, /*write=*/false);
    Scheduler()->Saw(SimBits(value_));
    return value_;
  }
  void Set(T value) {
    Scheduler()->Touch(this, /*write=*/value != value_);
    Scheduler()->Changed(this, SimBits(value_), SimBits(value));
    value_ = value;
  }

  T value_{};
};

// What the threads of a test tell each other, or the test, beside the program. Its use is not a
// step, but part of the one before.
template <class T>
class SimNote {
 public:
  SimNote() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): like the variable that it stands for.
  SimNote(T value) : value_(value) {}
  SimNote(const SimNote&) = delete;
  SimNote& operator=(const SimNote&) = delete;

  // NOLINTNEXTLINE(google-explicit-constructor): see above.
  operator T() const {
    if (ControlledScheduler* const scheduler = ControlledScheduler::current()) {
      scheduler->BesideStep(this, /*write=*/false);
      if (scheduler->IsThreadRunning()) scheduler->Saw(SimBits(value_));
    }
    return value_;
  }
  void operator=(T value) {
    Change([value](T) { return value; });
  }
  // The program does not learn the value.
  void operator+=(T value) {
    Change([value](T old) { return static_cast<T>(old + value); });
  }

 private:
  template <class Function>
  void Change(Function change) {
    ControlledScheduler* const scheduler = ControlledScheduler::current();
    if (scheduler != nullptr) scheduler->BesideStep(this, /*write=*/true);
    const T value = change(value_);
    if (scheduler != nullptr) scheduler->Changed(this, SimBits(value_), SimBits(value));
    value_ = value;
  }

  T value_{};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_CONTROLLED_SCHEDULER_H_
