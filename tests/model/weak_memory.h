// A simulator of weak memory that the clients can run on instead of std::atomic: random executions
// of what the C++ memory model allows, on one processor.
//
// Every store is kept. A thread has a view: for each variable, the oldest store that it may still
// read. A load takes any store from there on, at random; with acquire order it also takes over the
// view that the store carries. A store carries its thread's view if it has release order; a
// read-modify-write reads the last store, and passes on the view that this carries (the release
// sequence). So a read may be as stale as the orders in the program allow. Threads are fibers; any
// of them may go on at each atomic operation, at random.
//
// A Plain is a variable that is not atomic: an access that does not come after the last one by the
// orders in the program is a race, and ends the program.
//
// Not all that the model allows is tried: loads see only stores that were already made (no load
// buffering), and a store comes after all stores to the variable that were made before it. Fences
// and memory_order_seq_cst are not needed here and not there.
//
// The environment: MODEL_SEED, a number. MODEL_WEAKEN=FILE:LINE makes all orders on that line
// relaxed.
#ifndef RQLOCKDEP_TESTS_MODEL_WEAK_MEMORY_H_
#define RQLOCKDEP_TESTS_MODEL_WEAK_MEMORY_H_

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace rqlockdep::model {

// For each variable, by number, the position of a store in its history.
class View {
 public:
  uint32_t operator[](uint32_t variable) const {
    return variable < positions_.size() ? positions_[variable] : 0;
  }
  void Raise(uint32_t variable, uint32_t position) {
    if (variable >= positions_.size()) positions_.resize(variable + 1);
    positions_[variable] = std::max(positions_[variable], position);
  }
  void Join(const View& other) {
    if (other.positions_.size() > positions_.size()) positions_.resize(other.positions_.size());
    for (uint32_t i = 0; i < other.positions_.size(); ++i) Raise(i, other.positions_[i]);
  }

 private:
  std::vector<uint32_t> positions_;
};

// The threads, as fibers on the one real thread. Thread 0 is main().
class WeakMachine {
 public:
  static WeakMachine& Instance() {
    static WeakMachine machine;
    return machine;
  }

  int Create(void* (*start)(void*), void* argument) {
    threads_.push_back(std::make_unique<Thread>());
    Thread& thread = *threads_.back();
    thread.view = view();
    thread.start = start;
    thread.argument = argument;
    thread.stack = std::make_unique<char[]>(kStackSize);
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = kStackSize;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, &WeakMachine::Main, 0);
    return static_cast<int>(threads_.size()) - 1;
  }
  void Join(int thread) {
    while (!threads_[static_cast<size_t>(thread)]->ended) SwitchTo(Another());
    view().Join(threads_[static_cast<size_t>(thread)]->view);
    // The machine begins anew when all have been joined.
    joined_ += 1;
    if (joined_ + 1 == threads_.size()) {
      threads_.resize(1);
      joined_ = 0;
      steps_ = 0;
    }
  }

  View& view() { return threads_[running_]->view; }
  uint32_t NewVariable() {
    ++live_variables_;
    return variables_++;
  }
  // When there are none any more, numbers begin anew.
  void EndVariable() {
    if (--live_variables_ == 0) {
      variables_ = 0;
      threads_[0]->view = View();
    }
  }
  uint32_t Random(uint32_t below) { return static_cast<uint32_t>(random_()) % below; }

  // Before each atomic operation.
  void Step() {
    if (threads_.size() == 1) return;
    if (++steps_ > kMaximalSteps) Fail("endless");
    if (Random(3) == 0) SwitchTo(Another());
  }
  void Yield() {
    if (threads_.size() > 1) SwitchTo(Another());
  }
  [[noreturn]] void Fail(const char* why) {
    fprintf(stderr, "weak memory: %s (MODEL_SEED=%u)\n", why, seed_);
    abort();
  }

  // The order of an operation at that place.
  std::memory_order Order(std::memory_order order, const char* file, uint32_t line) const {
    if (line != weaken_line_) return order;
    return strstr(file, weaken_file_) != nullptr ? std::memory_order_relaxed : order;
  }

 private:
  static constexpr size_t kStackSize = size_t{128} << 10;
  static constexpr uint64_t kMaximalSteps = 1'000'000;

  struct Thread {
    View view;
    void* (*start)(void*) = nullptr;
    void* argument = nullptr;
    bool ended = false;
    std::unique_ptr<char[]> stack;
    ucontext_t context{};
  };

  WeakMachine() {
    threads_.push_back(std::make_unique<Thread>());
    if (const char* const seed = getenv("MODEL_SEED")) seed_ = static_cast<unsigned>(atoi(seed));
    random_.seed(seed_);
    if (const char* const place = getenv("MODEL_WEAKEN")) {
      const char* const colon = strrchr(place, ':');
      if (colon == nullptr) Fail("MODEL_WEAKEN is no FILE:LINE");
      weaken_line_ = static_cast<uint32_t>(atoi(colon + 1));
      snprintf(weaken_file_, sizeof(weaken_file_), "%.*s", static_cast<int>(colon - place), place);
    }
  }

  size_t Another() {
    for (;;) {
      const size_t next = Random(static_cast<uint32_t>(threads_.size()));
      if (!threads_[next]->ended && (next != running_ || threads_.size() == 1)) return next;
      if (next == 0) return 0;  // main waits in Join, and chooses again
    }
  }
  void SwitchTo(size_t next) {
    if (next == running_) return;
    Thread& from = *threads_[running_];
    running_ = next;
    swapcontext(&from.context, &threads_[next]->context);
  }
  static void Main() {
    WeakMachine& self = Instance();
    Thread& thread = *self.threads_[self.running_];
    thread.start(thread.argument);
    thread.ended = true;
    self.SwitchTo(0);
    self.Fail("an ended thread went on");
  }

  std::vector<std::unique_ptr<Thread>> threads_;
  size_t running_ = 0;
  size_t joined_ = 0;
  uint64_t steps_ = 0;
  uint32_t variables_ = 0;
  uint32_t live_variables_ = 0;
  unsigned seed_ = 1;
  std::minstd_rand random_;
  uint32_t weaken_line_ = 0;
  char weaken_file_[256] = {};
};

// std::atomic on the machine.
template <class T>
class WeakAtomic {
 public:
  using Order = std::memory_order;

  // NOLINTNEXTLINE(google-explicit-constructor): like std::atomic.
  WeakAtomic(T value = T{}) : variable_(machine().NewVariable()) {
    if (variable_ >= Histories().size()) Histories().resize(variable_ + 1);
    history() = {{value, {}}};
  }
  ~WeakAtomic() { machine().EndVariable(); }
  WeakAtomic(const WeakAtomic&) = delete;
  WeakAtomic& operator=(const WeakAtomic&) = delete;

  T load(Order order, const char* file = __builtin_FILE(), uint32_t line = __builtin_LINE()) const {
    machine().Step();
    return Read(Pick(), machine().Order(order, file, line));
  }
  void store(T value, Order order, const char* file = __builtin_FILE(),
             uint32_t line = __builtin_LINE()) {
    machine().Step();
    Append(value, {}, machine().Order(order, file, line));
  }
  T exchange(T value, Order order, const char* file = __builtin_FILE(),
             uint32_t line = __builtin_LINE()) {
    machine().Step();
    return Modify(value, machine().Order(order, file, line));
  }
  T fetch_add(T value, Order order, const char* file = __builtin_FILE(),
              uint32_t line = __builtin_LINE()) {
    machine().Step();
    return Modify(static_cast<T>(history().back().value + value),
                  machine().Order(order, file, line));
  }
  bool compare_exchange_strong(T& expected, T value, Order success, Order failure,
                               const char* file = __builtin_FILE(),
                               uint32_t line = __builtin_LINE()) {
    machine().Step();
    return CompareExchange(expected, value, machine().Order(success, file, line),
                           machine().Order(failure, file, line));
  }
  bool compare_exchange_weak(T& expected, T value, Order success, Order failure,
                             const char* file = __builtin_FILE(),
                             uint32_t line = __builtin_LINE()) {
    return compare_exchange_strong(expected, value, success, failure, file, line);
  }

 private:
  struct Store {
    T value;
    View view;  // what it carries
  };

  static WeakMachine& machine() { return WeakMachine::Instance(); }
  static bool Acquires(Order order) {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel;
  }
  static bool Releases(Order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel;
  }

  uint32_t Last() const { return static_cast<uint32_t>(history().size()) - 1; }
  // A store that this thread may read. Mostly the last, so that nobody waits for long.
  uint32_t Pick() const {
    const uint32_t oldest = machine().view()[variable_];
    return machine().Random(2) == 0 ? Last() : oldest + machine().Random(Last() - oldest + 1);
  }
  T Read(uint32_t position, Order order) const {
    View& view = machine().view();
    view.Raise(variable_, position);
    if (Acquires(order)) view.Join(history()[position].view);
    return history()[position].value;
  }
  void Append(T value, View carried, Order order) {
    View& view = machine().view();
    view.Raise(variable_, Last() + 1);
    if (Releases(order)) carried.Join(view);
    history().push_back({value, std::move(carried)});
  }
  T Modify(T value, Order order) {
    const T old = Read(Last(), order);
    Append(value, history().back().view, order);
    return old;
  }
  bool CompareExchange(T& expected, T value, Order success, Order failure) {
    uint32_t position = Pick();
    if (history()[position].value == expected) position = Last();  // then it has to write, or fails
    if (history()[position].value == expected) {
      Modify(value, success);
      return true;
    }
    expected = Read(position, failure);
    return false;
  }

  // By variable, and not here, because locks are aligned to four bytes.
  static std::vector<std::vector<Store>>& Histories() {
    static std::vector<std::vector<Store>> histories;
    return histories;
  }
  std::vector<Store>& history() const { return Histories()[variable_]; }

  const uint32_t variable_;
};

// A variable that is not atomic.
template <class T>
class WeakPlain {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): like a T.
  WeakPlain(T value = T{}) : value_(value), variable_(WeakMachine::Instance().NewVariable()) {}
  ~WeakPlain() { WeakMachine::Instance().EndVariable(); }
  WeakPlain(const WeakPlain&) = delete;

  // NOLINTNEXTLINE(google-explicit-constructor): like a T.
  operator T() const {
    Access();
    return value_;
  }
  WeakPlain& operator=(T value) {
    Access();
    value_ = value;
    return *this;
  }

 private:
  // Reads count as writes: here they never run side by side.
  void Access() const {
    WeakMachine& machine = WeakMachine::Instance();
    machine.Step();
    if (machine.view()[variable_] != accesses_) machine.Fail("a race");
    machine.view().Raise(variable_, ++accesses_);
  }

  T value_;
  mutable uint32_t accesses_ = 0;
  const uint32_t variable_;
};

struct Atomics {
  template <class T>
  using Atomic = WeakAtomic<T>;
};
template <class T>
using Plain = WeakPlain<T>;

inline int CreateFiber(pthread_t* thread, const void*, void* (*start)(void*), void* argument) {
  *thread = static_cast<pthread_t>(WeakMachine::Instance().Create(start, argument));
  return 0;
}
inline void JoinFiber(pthread_t thread, const void*) {
  WeakMachine::Instance().Join(static_cast<int>(thread));
}

}  // namespace rqlockdep::model

#define pthread_create CreateFiber
#define pthread_join JoinFiber
#define MODEL_YIELD() ::rqlockdep::model::WeakMachine::Instance().Yield()

#endif  // RQLOCKDEP_TESTS_MODEL_WEAK_MEMORY_H_
