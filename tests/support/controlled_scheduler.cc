#include "tests/support/controlled_scheduler.h"

#include <setjmp.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define FIBERS_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBERS_UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBERS_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBERS_UNDER_TSAN 1
#endif
#endif

// Sanitizers have to be told when the stack changes.
#ifdef FIBERS_UNDER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBERS_UNDER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace rqlockdep {

namespace {

ControlledScheduler* current = nullptr;

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15u + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr size_t kStackSize = size_t{256} << 10;

}  // namespace

namespace {

// What can happen next. No heap, because an execution that is left frees nothing.
class OptionList {
 public:
  struct Option {
    int thread;
    char what;  // 'r'un, 'h'andler, wake by 't'ime
  };
  void Add(int thread, char what) {
    if (size_ == kCapacity) std::abort();  // a test with too many threads
    options_[size_++] = {thread, what};
  }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  const Option& operator[](size_t i) const { return options_[i]; }

 private:
  static constexpr size_t kCapacity = 64;
  Option options_[kCapacity];
  size_t size_ = 0;
};

}  // namespace

struct ControlledScheduler::Fiber {
  ucontext_t context;  // how it begins
  jmp_buf resume;      // how it goes on: swapcontext makes a system call each time
  bool begun = true;   // false: switch to `context`
  std::unique_ptr<char[]> stack;
  uint64_t digest = 0;  // of everything the thread has seen
  bool ended = false;
  bool handler_pending = false;
  bool sleeping = false;
  bool timed_out = false;
  int full_naps = 0;
  const void* address = nullptr;  // where it sleeps
  int64_t wake_at = 0;
  std::function<bool()> ready;  // what it awaits, or empty
#ifdef FIBERS_UNDER_ASAN
  void* fake_stack = nullptr;
  const void* stack_bottom = nullptr;
  size_t stack_size = 0;
#endif
#ifdef FIBERS_UNDER_TSAN
  void* tsan_fiber = nullptr;
#endif

  [[noreturn, gnu::noinline]] void GoOn() {
    if (begun) _longjmp(resume, 1);
    begun = true;
    setcontext(&context);
    std::abort();  // it does not fail
  }
};

ControlledScheduler::ControlledScheduler(const Options& options)
    : options_(options), main_(std::make_unique<Fiber>()) {
#ifdef FIBERS_UNDER_TSAN
  main_->tsan_fiber = __tsan_get_current_fiber();
#endif
}

ControlledScheduler::~ControlledScheduler() {
#ifdef FIBERS_UNDER_TSAN
  for (const auto& fiber : fibers_) __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
}

ControlledScheduler& ControlledScheduler::Current() { return *current; }

ControlledScheduler::Result ControlledScheduler::Explore(const std::function<SimProgram()>& make,
                                                         const Options& options) {
  // SeenBefore has a bit for each.
  if ((std::max(options.preemptions, 0) + 1) * (options.early_wakeups + 1) > 64) std::abort();
  ControlledScheduler scheduler(options);
  ControlledScheduler* const outer = std::exchange(current, &scheduler);
  Result result;
  do {
    const SimProgram program = make();
    ++result.executions;
    const End end = scheduler.Run(program);
    if (end == End::kFailed) {
      result.failure = scheduler.failure_;
      for (const Choice& choice : scheduler.choices_)
        result.failing_choices.push_back(choice.chosen);
      break;
    }
    const bool all = !scheduler.Backtrack();
    if (scheduler.ShouldStartAgain(all)) {
      scheduler.StartAgain();
      continue;
    }
    result.complete = all;
  } while (!result.complete && result.executions < options.executions);
  result.states = scheduler.seen_.size();
  current = outer;
  return result;
}

// The next sequence of choices that was not tried. False if there is none.
bool ControlledScheduler::Backtrack() {
  choices_.resize(depth_);
  while (!choices_.empty()) {
    if (++choices_.back().chosen < choices_.back().options) return true;
    choices_.pop_back();
  }
  return false;
}

ControlledScheduler::End ControlledScheduler::Run(const SimProgram& program) {
  program_ = &program;
  depth_ = 0;
  steps_ = 0;
  preemptions_ = 0;
  early_wakeups_ = 0;
  now_ = 1'000'000'000;
  memory_digest_ = 0;
  left_out_ = false;
  end_ = End::kDone;
  while (fibers_.size() < program.threads.size()) {
    fibers_.push_back(std::make_unique<Fiber>());
    fibers_.back()->stack = std::make_unique<char[]>(kStackSize);
  }
  for (size_t i = 0; i < program.threads.size(); ++i) {
    Fiber& fiber = *fibers_[i];
    fiber.digest = i + 1;
    fiber.ended = fiber.sleeping = fiber.timed_out = false;
    fiber.full_naps = 0;
    fiber.ready = nullptr;
    fiber.handler_pending = i < program.handlers.size() && program.handlers[i] != nullptr;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackSize;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, &ControlledScheduler::FiberMain, 0);
    fiber.begun = false;
#ifdef FIBERS_UNDER_TSAN
    // A new one, because the old one still thinks that it is somewhere in an execution that was
    // left.
    if (fiber.tsan_fiber != nullptr) __tsan_destroy_fiber(fiber.tsan_fiber);
    fiber.tsan_fiber = __tsan_create_fiber(0);
#endif
#ifdef FIBERS_UNDER_ASAN
    fiber.stack_bottom = fiber.stack.get();
    fiber.stack_size = kStackSize;
#endif
  }
  SwitchTo(0);
  if (end_ == End::kDone && program.at_end != nullptr) {
    failure_ = program.at_end();
    if (!failure_.empty()) end_ = End::kFailed;
  }
  return end_;
}

void ControlledScheduler::SwitchTo(int to) {
  Fiber& from = running_ == kMain ? *main_ : *fibers_[running_];
  Fiber& target = to == kMain ? *main_ : *fibers_[to];
  running_ = to;
  if (&from == &target) return;
#ifdef FIBERS_UNDER_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack, target.stack_bottom, target.stack_size);
#endif
#ifdef FIBERS_UNDER_TSAN
  __tsan_switch_to_fiber(target.tsan_fiber, 0);
#endif
#if defined(FIBERS_UNDER_ASAN) || defined(FIBERS_UNDER_TSAN)
  swapcontext(&from.context, &target.context);
#else
  if (_setjmp(from.resume) == 0) target.GoOn();
#endif
#ifdef FIBERS_UNDER_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

void ControlledScheduler::FiberMain() {
  ControlledScheduler& self = *current;
#ifdef FIBERS_UNDER_ASAN
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(self.fibers_[self.running_]->fake_stack, &bottom, &size);
  if (self.main_->stack_bottom == nullptr) {  // the first fiber is entered from the main stack
    self.main_->stack_bottom = bottom;
    self.main_->stack_size = size;
  }
#endif
  self.RunFiber();
}

void ControlledScheduler::RunFiber() {
  fibers_[running_]->digest = Mix(fibers_[running_]->digest, 'b');
  program_->threads[running_]();
  fibers_[running_]->ended = true;
  Step(/*willing=*/true);
  std::abort();  // an ended thread does not go on
}

void ControlledScheduler::LeaveExecution(End end) {
  end_ = end;
  SwitchTo(kMain);
}

void ControlledScheduler::Fail(const char* why) {
  failure_ = why;
  LeaveExecution(End::kFailed);
  std::abort();  // an execution that was left does not go on
}

int ControlledScheduler::Choose(int options) {
  if (depth_ == choices_.size()) choices_.push_back({.chosen = 0, .options = options});
  assert(choices_[depth_].options == options && "the program is not deterministic");
  return choices_[depth_++].chosen;
}

// `turn_counts`: what may happen next depends on whose turn it is.
uint64_t ControlledScheduler::StateDigest(bool turn_counts) const {
  uint64_t digest = Mix(memory_digest_, static_cast<uint64_t>(now_));
  for (size_t i = 0; i < program_->threads.size(); ++i) {
    const Fiber& fiber = *fibers_[i];
    digest = Mix(digest, fiber.digest);
    digest = Mix(digest, (fiber.ended ? 1u : 0u) | (fiber.sleeping ? 2u : 0u) |
                             (fiber.handler_pending ? 4u : 0u) | (fiber.timed_out ? 8u : 0u));
    if (fiber.sleeping) digest = Mix(digest, static_cast<uint64_t>(fiber.wake_at));
  }
  return turn_counts ? Mix(digest, static_cast<uint64_t>(running_) + 1) : digest;
}

// Whether all that can follow on `state` is explored, with the budget that is left now or a larger
// one. Notes that it will be. A budget is one bit: who has used fewer preemptions and fewer early
// wake-ups can do all that the others can.
bool ControlledScheduler::SeenBefore(uint64_t state) {
  const int rows = std::max(options_.preemptions, 0) + 1;
  const int columns = options_.early_wakeups + 1;
  uint64_t& budgets = seen_[state];
  const auto bit = [columns](int row, int column) {
    return uint64_t{1} << (row * columns + column);
  };
  if ((budgets & bit(preemptions_, early_wakeups_)) != 0) return true;
  for (int row = preemptions_; row < rows; ++row) {
    for (int column = early_wakeups_; column < columns; ++column) budgets |= bit(row, column);
  }
  return false;
}

void ControlledScheduler::Step(bool willing) { Step(willing ? Who::kWilling : Who::kAnybody); }

void ControlledScheduler::StepBefore(const void* address, bool write) {
  Use& use = uses_[address];
  if (use.thread == kMain) use.thread = running_;
  use.several = use.several || use.thread != running_;
  use.written = use.written || write;
  if (use.choice) {
    Step(Who::kAnybody);
    return;
  }
  if (use.several && use.written && states_until_surprise_ == kNone) {
    states_until_surprise_ = seen_.size();
  }
  if (fibers_[running_]->handler_pending) {
    Step(Who::kRunning);
  } else {
    CountStep();
  }
  left_out_ = true;
}

// Whether what has been learned calls for a new exploration now. It rarely comes alone: goes on for
// some time to learn more.
bool ControlledScheduler::ShouldStartAgain(bool all_explored) const {
  return states_until_surprise_ != kNone &&
         (all_explored || seen_.size() > 2 * states_until_surprise_ + 100);
}

void ControlledScheduler::StartAgain() {
  for (auto& [address, use] : uses_) use.choice = use.several && use.written;
  states_until_surprise_ = kNone;
  seen_.clear();
  choices_.clear();
}

void ControlledScheduler::CountStep() {
  if (++steps_ <= options_.steps) return;
  failure_ = "endless: more than " + std::to_string(options_.steps) + " steps";
  LeaveExecution(End::kFailed);
}

void ControlledScheduler::Step(Who who) {
  const int me = running_;
  Fiber& mine = *fibers_[me];
  const bool willing = who == Who::kWilling;
  const bool alone = who == Who::kRunning;
  for (;;) {
    CountStep();
    const bool can_go_on = CanGoOn(mine);
    // First what costs nothing: going on; a thread that asks others to go on comes last.
    OptionList options;
    if (can_go_on && !willing) options.Add(me, 'r');
    const bool may_switch =
        !can_go_on || willing ||
        (!alone && (options_.preemptions < 0 || preemptions_ < options_.preemptions));
    int all_asleep = -1;
    bool any_left = false;
    const int threads = static_cast<int>(program_->threads.size());
    for (int i = 0; i < threads; ++i) {
      const Fiber& fiber = *fibers_[i];
      any_left = any_left || !fiber.ended;
      if (fiber.ended) continue;
      if (fiber.sleeping) {
        if (all_asleep < 0 || fiber.wake_at < fibers_[all_asleep]->wake_at) all_asleep = i;
      } else if (i != me && may_switch && CanGoOn(fiber)) {
        options.Add(i, 'r');
      }
    }
    if (can_go_on && willing) options.Add(me, 'r');
    if (!any_left) LeaveExecution(End::kDone);
    if (options.empty() && all_asleep < 0) {
      failure_ = "stuck: everybody waits for the others";
      LeaveExecution(End::kFailed);
    }
    if (options.empty()) {
      options.Add(all_asleep, 't');  // nobody else can go on
    } else if (!alone && early_wakeups_ < options_.early_wakeups) {
      for (int i = 0; i < threads; ++i) {
        if (!fibers_[i]->ended && fibers_[i]->sleeping) options.Add(i, 't');
      }
    }
    const bool forced = options.size() == 1 && options[0].what == 't';
    if (can_go_on && mine.handler_pending) options.Add(me, 'h');

    int chosen = 0;
    if (options.size() > 1) {
      const bool new_choice = depth_ == choices_.size();
      const bool turn_counts = alone || (options_.preemptions >= 0 && can_go_on && !willing);
      if (new_choice && SeenBefore(StateDigest(turn_counts))) LeaveExecution(End::kSeenBefore);
      chosen = Choose(static_cast<int>(options.size()));
    }
    left_out_ = false;
    const auto [next, what] = options[static_cast<size_t>(chosen)];
    if (what == 'h') {
      mine.handler_pending = false;
      mine.digest = Mix(mine.digest, 'h');
      program_->handlers[me]();
      mine.digest = Mix(mine.digest, 'e');
      continue;
    }
    if (what == 't') {
      if (!forced) ++early_wakeups_;
      now_ = std::max(now_, fibers_[next]->wake_at);
      EndSleep(next, /*by_time=*/true);
      continue;
    }
    if (next != me) {
      if (options_.preemptions >= 0 && can_go_on && !willing) ++preemptions_;
      SwitchTo(next);
    }
    // Whoever comes back here was chosen to go on, and that is progress: its state is another now.
    mine.digest = Mix(mine.digest, 'r');
    return;
  }
}

void ControlledScheduler::Await(std::function<bool()> ready) {
  Fiber& mine = *fibers_[running_];
  mine.ready = std::move(ready);
  Step(/*willing=*/true);
  mine.ready = nullptr;
}

int ControlledScheduler::full_naps(int thread) const { return fibers_[thread]->full_naps; }

void ControlledScheduler::PassTime(int64_t nanoseconds) { now_ += nanoseconds; }

bool ControlledScheduler::IsAsleepOrEnded(int thread) const {
  return fibers_[thread]->sleeping || fibers_[thread]->ended;
}

bool ControlledScheduler::IsAsleepOn(int thread, const void* address) const {
  return fibers_[thread]->sleeping && fibers_[thread]->address == address;
}

bool ControlledScheduler::CanGoOn(const Fiber& fiber) const {
  return !fiber.ended && !fiber.sleeping && (fiber.ready == nullptr || fiber.ready());
}

void ControlledScheduler::Saw(uint64_t value) {
  Fiber& mine = *fibers_[running_];
  mine.digest = Mix(mine.digest, value);
}

void ControlledScheduler::Changed(const void* address, uint64_t before, uint64_t after) {
  const uint64_t id = reinterpret_cast<uintptr_t>(address);
  memory_digest_ ^= Mix(id, before) ^ Mix(id, after);
  Saw(after);
}

bool ControlledScheduler::Sleep(const void* address, int64_t nanoseconds) {
  Fiber& mine = *fibers_[running_];
  mine.sleeping = true;
  mine.timed_out = false;
  mine.address = address;
  mine.wake_at = nanoseconds > INT64_MAX - now_ ? INT64_MAX : now_ + nanoseconds;
  mine.digest = Mix(mine.digest, 's');
  Step(/*willing=*/true);
  Saw(mine.timed_out ? 1 : 0);
  return mine.timed_out;
}

void ControlledScheduler::EndSleep(int thread, bool by_time) {
  Fiber& fiber = *fibers_[thread];
  fiber.sleeping = false;
  fiber.timed_out = by_time;
  fiber.full_naps += by_time ? 1 : 0;
}

void ControlledScheduler::Wake(const void* address, int count) {
  // In the order of the threads' numbers: the kernel's order is not promised either.
  for (size_t i = 0; i < program_->threads.size() && count > 0; ++i) {
    Fiber& fiber = *fibers_[i];
    if (!fiber.ended && fiber.sleeping && fiber.address == address) {
      EndSleep(static_cast<int>(i), /*by_time=*/false);
      --count;
    }
  }
  Saw(static_cast<uint64_t>(count));
}

}  // namespace rqlockdep
