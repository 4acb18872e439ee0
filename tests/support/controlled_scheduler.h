// Runs a small concurrent program through all of its interleavings, one after the other, on one
// processor, without real threads, time or luck.
//
// The program's threads are fibers. Before each operation on a SimAtomic the running fiber stops,
// and the scheduler decides who goes on: that is a choice. Explore() runs the program again and
// again until every sequence of choices has been tried (depth first), leaving out choices that lead
// to a state seen before. A state is the value of all SimAtomics, the virtual clock, who sleeps,
// and for each thread a digest of what it has seen so far, which fixes where it is and what its
// variables are. So two interleavings that differ only in the order of independent steps count
// once; and one that gets to a known state with no more preemptions and early wake-ups left than
// another had there has nothing new to show.
//
// What can happen at a choice:
//   - a thread that does not sleep goes on; taking the turn from one that could go on, and does not
//     ask for it by Pause(), is a preemption, of which a number can be allowed;
//   - the running thread's signal handler, if it has one, runs on top of it, once;
//   - a sleep ends by its time, out of turn, as often as Options allows. When all sleep, the one
//   that
//     would wake first does; then the clock moves on.
// Memory is sequentially consistent: what weaker memory allows has to be argued, or found by TSan.
//
// Not every operation needs a choice: before one on a variable that only one thread ever uses, or
// that nobody ever writes to, it makes no difference who goes first. Which variables these are is
// found out: all are taken for such until an execution shows otherwise; then everything is explored
// again with what has been learned.
//
// The program must be deterministic, finite when scheduled fairly, keep its SimAtomics at the same
// addresses in every execution (SimStorage), and hold nothing that needs destruction across a
// SimAtomic operation: an execution that is left out just stops.
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
#include <unordered_map>
#include <vector>

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
  };
  struct Result {
    size_t executions = 0;
    size_t states = 0;
    bool complete = false;  // everything within the options was tried
    std::string failure;    // empty: none
    std::vector<int> failing_choices;
  };

  // `make` is called before each execution. Stops at the first failure.
  static Result Explore(const std::function<SimProgram()>& make, const Options& options);

  // --- For the program, while it runs
  // -------------------------------------------------------------
  static ControlledScheduler& Current();
  int thread() const { return running_; }  // the number of the running thread
  // The virtual clock.
  int64_t now() {
    // Time may have passed at one of the choices that were left out.
    if (left_out_ && options_.early_wakeups > 0) Step(/*willing=*/false);
    return now_;
  }
  // The running thread goes on when `ready`, which looks at the program without steps, says so.
  void Await(std::function<bool()> ready);
  // How many sleeps of the thread were ended by their time.
  int full_naps(int thread) const;
  // The running thread took so long; no sleep ends because of that.
  void PassTime(int64_t nanoseconds);
  bool IsAsleepOrEnded(int thread) const;
  bool IsAsleepOn(int thread, const void* address) const;
  // The program is wrong: ends the exploration.
  [[noreturn]] void Fail(const char* why);

  // A point at which others may go on. `willing`: the running thread asks them to.
  void Step(bool willing);
  // The same before an operation on the shared variable at `address`.
  void StepBefore(const void* address, bool write);
  // The running thread has seen `value`.
  void Saw(uint64_t value);
  // The shared variable at `address` changed.
  void Changed(const void* address, uint64_t before, uint64_t after);
  // Sleeps on an address for a while. True if the time is up.
  bool Sleep(const void* address, int64_t nanoseconds);
  void Wake(const void* address, int count);

 private:
  static constexpr int kMain = -1;

  struct Fiber;
  struct Choice {
    int chosen;
    int options;
  };
  enum class End { kDone, kSeenBefore, kFailed };
  // Who uses a shared variable, in all executions.
  struct Use {
    int thread = kMain;  // the first one
    bool several = false;
    bool written = false;
    bool choice = false;  // in this exploration there is one before each use
  };
  enum class Who {
    kAnybody,
    kWilling,  // anybody, and the running thread asks them to
    kRunning,  // the running thread or its handler
  };

  explicit ControlledScheduler(const Options& options);
  ~ControlledScheduler();

  End Run(const SimProgram& program);
  static void FiberMain();
  void RunFiber();
  void Step(Who who);
  void CountStep();
  void SwitchTo(int fiber);
  void LeaveExecution(End end);
  int Choose(int options);
  uint64_t StateDigest(bool turn_counts) const;
  bool SeenBefore(uint64_t state);
  bool ShouldStartAgain(bool all_explored) const;
  void StartAgain();
  void EndSleep(int thread, bool by_time);
  bool CanGoOn(const Fiber& fiber) const;
  bool Backtrack();

  const Options options_;
  // For each state the budgets with which everything after it is explored, see SeenBefore.
  std::unordered_map<uint64_t, uint64_t> seen_;
  std::unordered_map<const void*, Use> uses_;
  // How many states were known when a variable turned out to need choices.
  static constexpr size_t kNone = SIZE_MAX;
  size_t states_until_surprise_ = kNone;
  std::vector<Choice> choices_;
  std::string failure_;

  // Of the current execution.
  const SimProgram* program_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::unique_ptr<Fiber> main_;
  size_t depth_ = 0;  // in choices_
  size_t steps_ = 0;
  int running_ = kMain;
  int preemptions_ = 0;
  int early_wakeups_ = 0;
  int64_t now_ = 0;
  uint64_t memory_digest_ = 0;
  bool left_out_ = false;  // a choice, since the last one
  End end_ = End::kDone;
};

// std::atomic for programs under a ControlledScheduler.
template <class T>
class SimAtomic {
 public:
  constexpr SimAtomic() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): like std::atomic.
  constexpr SimAtomic(T value) : value_(value) {}
  SimAtomic(const SimAtomic&) = delete;
  SimAtomic& operator=(const SimAtomic&) = delete;

  T load(std::memory_order) const {
    Before(/*write=*/false);
    return Saw(value_);
  }
  void store(T value, std::memory_order) {
    Before(/*write=*/true);
    Set(value);
  }
  T exchange(T value, std::memory_order) {
    Before(/*write=*/true);
    const T old = Saw(value_);
    Set(value);
    return old;
  }
  T fetch_add(T value, std::memory_order) {
    Before(/*write=*/true);
    const T old = Saw(value_);
    Set(static_cast<T>(old + value));
    return old;
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order, std::memory_order) {
    Before(/*write=*/true);
    const T old = Saw(value_);
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

  // For checks: not a step of the program.
  T Peek() const { return value_; }

 private:
  static uint64_t Bits(T value) {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<uintptr_t>(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }
  void Before(bool write) const { ControlledScheduler::Current().StepBefore(this, write); }
  T Saw(T value) const {
    ControlledScheduler::Current().Saw(Bits(value));
    return value;
  }
  void Set(T value) {
    ControlledScheduler::Current().Changed(this, Bits(value_), Bits(value));
    value_ = value;
  }

  T value_{};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_CONTROLLED_SCHEDULER_H_
