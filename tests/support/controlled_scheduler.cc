#include "tests/support/controlled_scheduler.h"

#include <setjmp.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <iterator>
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

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15u + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr size_t kStackSize = size_t{256} << 10;

}  // namespace

void ControlledScheduler::ActionList::Add(int thread, Action::What what, bool preempts,
                                          bool early) {
  if (size_ == std::size(actions_)) std::abort();
  actions_[size_++] = {
      .thread = static_cast<uint8_t>(thread), .what = what, .preempts = preempts, .early = early};
}

struct ControlledScheduler::Fiber {
  ucontext_t context;    // how it begins for the first time
  jmp_buf beginning;     // and again: swapcontext and its like make a system call each time
  jmp_buf resume;        // how it goes on
  bool begun = true;     // false: switch to the beginning
  bool entered = false;  // `beginning` is known
  std::unique_ptr<char[]> stack;
  uint64_t digest = 0;  // of everything the thread has seen
  uint16_t phase = 0;   // how many operations it has begun or ended
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
    if (entered) _longjmp(beginning, 1);
    entered = true;
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

ControlledScheduler::Result ControlledScheduler::Explore(const std::function<SimProgram()>& make,
                                                         const Options& options) {
  // SeenBefore has a bit for each; Choice::step is small.
  if ((std::max(options.preemptions, 0) + 1) * (options.early_wakeups + 1) > 64 ||
      options.steps > UINT16_MAX) {
    std::abort();
  }
  ControlledScheduler scheduler(options);
  ControlledScheduler* const outer = std::exchange(current_, &scheduler);
  Result result;
  do {
    const SimProgram program = make();
    ++result.executions;
    const End end = scheduler.Run(program);
    if (end == End::kFailed) {
      result.failure = scheduler.failure_;
      for (const Choice& choice : scheduler.choices_) {
        result.failing_choices.push_back(10 * choice.action.thread + choice.action.what);
      }
      break;
    }
    const bool all = !scheduler.Backtrack() && !scheduler.TakeUpPutOff();
    if (scheduler.ShouldStartAgain(all)) {
      scheduler.StartAgain();
      continue;
    }
    result.complete = all;
  } while (!result.complete && result.executions < options.executions);
  result.states = scheduler.seen_.size();
  current_ = outer;
  return result;
}

// The next sequence of choices that was not tried and costs nothing more. False if there is none.
bool ControlledScheduler::Backtrack() {
  if (open_.empty()) return false;
  choices_.resize(open_.back().depth);
  choices_.push_back(open_.back().choice);
  open_.pop_back();
  return true;
}

// The next one of those that were put off, in the order of what they cost.
bool ControlledScheduler::TakeUpPutOff() {
  for (; level_ < put_off_.size(); ++level_, next_put_off_ = 0) {
    Level& level = put_off_[level_];
    if (next_put_off_ < level.put_off.size()) {
      const PutOff next = level.put_off[next_put_off_++];
      const auto begin = level.choices.begin() + static_cast<ptrdiff_t>(next.begin);
      choices_.assign(begin, begin + static_cast<ptrdiff_t>(next.before));
      for (size_t i = next.alternatives; i-- > 0;) {
        open_.push_back(
            {.depth = next.before, .choice = level.choices[next.begin + next.before + i]});
      }
      return Backtrack();
    }
    level = Level();
  }
  return false;
}

ControlledScheduler::End ControlledScheduler::Run(const SimProgram& program) {
  program_ = &program;
  depth_ = 0;
  repeated_ = choices_.size();
  steps_ = 0;
  looking_ = kMain;
  preemptions_ = 0;
  early_wakeups_ = 0;
  now_ = 1'000'000'000;
  memory_digest_ = 0;
  left_out_ = false;
  end_ = End::kDone;
  if (program.threads.size() > kThreads) std::abort();
  while (fibers_.size() < program.threads.size()) {
    fibers_.push_back(std::make_unique<Fiber>());
    fibers_.back()->stack = std::make_unique<char[]>(kStackSize);
  }
  for (size_t i = 0; i < program.threads.size(); ++i) {
    Fiber& fiber = *fibers_[i];
    fiber.digest = i + 1;
    fiber.phase = 0;
    fiber.ended = fiber.sleeping = fiber.timed_out = false;
    fiber.full_naps = 0;
    fiber.ready = nullptr;
    fiber.handler_pending = i < program.handlers.size() && program.handlers[i] != nullptr;
    PrepareFiber(fiber);
  }
  SwitchTo(0);
  if (end_ == End::kDone && program.at_end != nullptr) {
    failure_ = program.at_end();
    if (!failure_.empty()) end_ = End::kFailed;
  }
  return end_;
}

// So that it begins at the beginning.
void ControlledScheduler::PrepareFiber(Fiber& fiber) {
  fiber.begun = false;
  if (fiber.entered) return;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackSize;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &ControlledScheduler::FiberMain, 0);
#ifdef FIBERS_UNDER_TSAN
  // A new one, because the old one still thinks that it is somewhere in an execution that was left.
  if (fiber.tsan_fiber != nullptr) __tsan_destroy_fiber(fiber.tsan_fiber);
  fiber.tsan_fiber = __tsan_create_fiber(0);
#endif
#ifdef FIBERS_UNDER_ASAN
  fiber.stack_bottom = fiber.stack.get();
  fiber.stack_size = kStackSize;
#endif
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
  [[maybe_unused]] const ControlledScheduler& self = *current_;
#ifdef FIBERS_UNDER_ASAN
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(self.fibers_[self.running_]->fake_stack, &bottom, &size);
  if (self.main_->stack_bottom == nullptr) {  // the first fiber is entered from the main stack
    self.main_->stack_bottom = bottom;
    self.main_->stack_size = size;
  }
#endif
#if !defined(FIBERS_UNDER_ASAN) && !defined(FIBERS_UNDER_TSAN)
  // This frame stays as it is: nothing returns from here.
  _setjmp(self.fibers_[self.running_]->beginning);
#endif
  current_->RunFiber();
}

void ControlledScheduler::RunFiber() {
  fibers_[running_]->digest = Mix(fibers_[running_]->digest, 'b');
  program_->threads[running_]();
  fibers_[running_]->ended = true;
  fibers_[running_]->phase = UINT16_MAX;
  Touch(&fibers_[running_]->sleeping, /*write=*/true);
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

// Makes a choice that was not made before.
ControlledScheduler::Action ControlledScheduler::Choose(const ActionList& actions,
                                                        bool turn_counts) {
  if (options_.merge_states && SeenBefore(StateDigest(turn_counts))) {
    LeaveExecution(End::kSeenBefore);
  }
  const auto costs = [&](size_t i) { return actions[i].preempts || actions[i].early; };
  const auto choice = [&](size_t i) {
    return Choice{.step = static_cast<uint16_t>(steps_), .action = actions[i]};
  };
  size_t costly = 0;
  for (size_t i = actions.size(); i-- > 0;) {
    if (costs(i)) {
      ++costly;
    } else if (i != 0) {
      open_.push_back({.depth = depth_, .choice = choice(i)});
    }
  }
  if (costly != 0) {
    const size_t cost = static_cast<size_t>(Cost()) + 1;
    if (put_off_.size() <= cost) put_off_.resize(cost + 1);
    Level& level = put_off_[cost];
    level.put_off.push_back(
        {.begin = level.choices.size(), .before = depth_, .alternatives = costly});
    level.choices.insert(level.choices.end(), choices_.begin(), choices_.end());
    for (size_t i = 0; i < actions.size(); ++i) {
      if (costs(i)) level.choices.push_back(choice(i));
    }
  }
  choices_.push_back(choice(0));
  ++depth_;
  return actions[0];
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
  if (Repeats() || !options_.leave_out) {
    Step(Who::kAnybody);
    return;
  }
  if (DependsOnOthers(address, write)) {
    Step(Who::kAnybody);
    return;
  }
  if (fibers_[running_]->handler_pending) {
    Step(Who::kRunning);
  } else {
    CountStep();
    Saw('r');
  }
  left_out_ = true;
}

// Whether a step of the running thread on a variable depends on what others may still do, as far as
// that was known when this exploration began.
bool ControlledScheduler::DependsOnOthers(const void* address, bool write) const {
  const auto found = uses_.find(address);
  if (found == uses_.end()) return false;
  const Phases& known = found->second.known;
  for (size_t i = 0; i < program_->threads.size(); ++i) {
    if (static_cast<int>(i) == running_) continue;
    const uint16_t phase = fibers_[i]->phase;
    if (known.written[i] > phase || (write && known.read[i] > phase)) return true;
  }
  return false;
}

void ControlledScheduler::BesideStep(const void* address, bool write) {
  if (IsThreadRunning()) {
    // What is done beside a step comes right after a choice. If the step had none, it was left out
    // as if it were alone.
    if (Repeats() || (left_out_ && DependsOnOthers(address, write))) {
      Step(Who::kOthers);
    } else {
      CountStep();
      Saw('r');
    }
  }
  Touch(address, write);
}

void ControlledScheduler::Touch(const void* address, bool write) {
  TouchAs(looking_ != kMain ? looking_ : running_, address, write);
}

void ControlledScheduler::TouchAs(int thread, const void* address, bool write) {
  if (thread == kMain || Repeats() || !options_.leave_out) return;
  Phases& found = uses_[address].found;
  uint16_t& last = write ? found.written[thread] : found.read[thread];
  const uint16_t now = static_cast<uint16_t>(fibers_[thread]->phase + 1);
  if (last >= now) return;
  last = now;
  // Does it matter to anybody?
  for (int i = 0; i < kThreads && states_until_surprise_ == kNone; ++i) {
    if (i != thread && (found.written[i] != 0 || (write && found.read[i] != 0))) {
      states_until_surprise_ = seen_.size();
    }
  }
}

// Whether what has been learned calls for a new exploration now. It rarely comes alone: goes on for
// some time to learn more.
bool ControlledScheduler::ShouldStartAgain(bool all_explored) const {
  return states_until_surprise_ != kNone &&
         (all_explored || seen_.size() > 2 * states_until_surprise_ + 100);
}

void ControlledScheduler::StartAgain() {
  for (auto& [address, use] : uses_) use.known = use.found;
  states_until_surprise_ = kNone;
  seen_.clear();
  choices_.clear();
  open_.clear();
  put_off_.clear();
  level_ = next_put_off_ = 0;
}

void ControlledScheduler::CountStep() {
  if (++steps_ <= options_.steps) return;
  failure_ = "endless: more than " + std::to_string(options_.steps) + " steps";
  LeaveExecution(End::kFailed);
}

// What can happen now. First what costs nothing: going on; a thread that asks others to go on comes
// last.
ControlledScheduler::ActionList ControlledScheduler::ActionsFor(Who who, bool goes_on,
                                                                bool can_go_on) {
  const int me = running_;
  ActionList actions;
  const auto add_mine = [&] {
    actions.Add(me, Action::kGoOn, false, false);
    if (fibers_[me]->handler_pending && who != Who::kOthers)
      actions.Add(me, Action::kHandler, false, false);
  };
  if (goes_on) add_mine();
  const bool bounded = options_.preemptions >= 0;
  const bool may_switch =
      !goes_on || (who != Who::kRunning && (!bounded || preemptions_ < options_.preemptions));
  int all_asleep = kMain;
  bool any_left = false;
  const int threads = static_cast<int>(program_->threads.size());
  for (int i = 0; i < threads; ++i) {
    const Fiber& fiber = *fibers_[i];
    any_left = any_left || !fiber.ended;
    if (fiber.ended) continue;
    if (fiber.sleeping) {
      if (all_asleep < 0 || fiber.wake_at < fibers_[all_asleep]->wake_at) all_asleep = i;
    } else if (i != me && may_switch && CanGoOn(i)) {
      actions.Add(i, Action::kGoOn, /*preempts=*/goes_on && bounded, false);
    }
  }
  if (can_go_on && !goes_on) add_mine();
  if (!any_left) LeaveExecution(End::kDone);
  if (actions.empty()) {
    if (all_asleep < 0) {
      failure_ = "stuck: everybody waits for the others";
      LeaveExecution(End::kFailed);
    }
    actions.Add(all_asleep, Action::kWakeUp, false, false);  // nobody else can go on
  } else {
    all_asleep = kMain;
  }
  if (who != Who::kRunning && early_wakeups_ < options_.early_wakeups) {
    for (int i = 0; i < threads; ++i) {
      if (!fibers_[i]->ended && fibers_[i]->sleeping && i != all_asleep) {
        actions.Add(i, Action::kWakeUp, false, /*early=*/true);
      }
    }
  }
  return actions;
}

// What happens now.
ControlledScheduler::Action ControlledScheduler::Next(Who who) {
  const bool willing = who == Who::kWilling;
  if (Repeats()) {
    if (choices_[depth_].step == steps_) return choices_[depth_++].action;
    // There was no choice. So a thread that can go on does.
    if (!willing) {
      return {.thread = static_cast<uint8_t>(running_),
              .what = Action::kGoOn,
              .preempts = false,
              .early = false};
    }
  }
  const bool can_go_on = CanGoOn(running_);
  const bool goes_on = can_go_on && !willing;
  const ActionList actions = ActionsFor(who, goes_on, can_go_on);
  if (actions.size() == 1) return actions[0];
  assert(!Repeats() && "the program is not deterministic");
  return Choose(actions, who == Who::kRunning || (goes_on && options_.preemptions >= 0));
}

void ControlledScheduler::Step(Who who) {
  const int me = running_;
  Fiber& mine = *fibers_[me];
  for (;;) {
    CountStep();
    const Action action = Next(who);
    left_out_ = false;
    preemptions_ += action.preempts ? 1 : 0;
    early_wakeups_ += action.early ? 1 : 0;
    switch (action.what) {
      case Action::kHandler:
        mine.handler_pending = false;
        mine.digest = Mix(mine.digest, 'h');
        program_->handlers[me]();
        mine.digest = Mix(mine.digest, 'e');
        continue;
      case Action::kWakeUp:
        now_ = std::max(now_, fibers_[action.thread]->wake_at);
        // Without early wake-ups nobody's time is up while somebody could go on.
        if (options_.early_wakeups > 0) TouchAs(action.thread, &now_, /*write=*/true);
        EndSleep(action.thread, /*by_time=*/true);
        continue;
      case Action::kGoOn:
        SwitchTo(action.thread);
        // Whoever comes back here was chosen to go on, and that is progress: its state is another
        // now.
        mine.digest = Mix(mine.digest, 'r');
        return;
    }
  }
}

int64_t ControlledScheduler::now() {
  BesideStep(&now_, /*write=*/false);
  if (IsThreadRunning()) Saw(static_cast<uint64_t>(now_));
  return now_;
}

void ControlledScheduler::Await(std::function<bool()> ready) {
  Fiber& mine = *fibers_[running_];
  mine.ready = std::move(ready);
  Step(/*willing=*/true);
  mine.ready = nullptr;
}

int ControlledScheduler::full_naps() const { return fibers_[running_]->full_naps; }

void ControlledScheduler::PassTime(int64_t nanoseconds) {
  BesideStep(&now_, /*write=*/true);
  now_ += nanoseconds;
}

bool ControlledScheduler::IsAsleepOrEnded(int thread) {
  BesideStep(&fibers_[thread]->sleeping, /*write=*/false);
  const bool is = fibers_[thread]->sleeping || fibers_[thread]->ended;
  if (IsThreadRunning()) Saw(is ? 1 : 0);
  return is;
}

bool ControlledScheduler::IsAsleepOn(int thread, const void* address) {
  BesideStep(&fibers_[thread]->sleeping, /*write=*/false);
  const bool is = fibers_[thread]->sleeping && fibers_[thread]->address == address;
  if (IsThreadRunning()) Saw(is ? 1 : 0);
  return is;
}

bool ControlledScheduler::CanGoOn(int thread) {
  const Fiber& fiber = *fibers_[thread];
  if (fiber.ended || fiber.sleeping) return false;
  if (fiber.ready == nullptr) return true;
  looking_ = thread;
  const bool ready = fiber.ready();
  looking_ = kMain;
  return ready;
}

void ControlledScheduler::Saw(uint64_t value) {
  Fiber& mine = *fibers_[running_];
  mine.digest = Mix(mine.digest, value);
}

uint64_t ControlledScheduler::BeginOperation() {
  ++fibers_[running_]->phase;
  return fibers_[running_]->digest;
}

void ControlledScheduler::EndOperation(uint64_t begin, uint64_t result) {
  Fiber& mine = *fibers_[running_];
  ++mine.phase;
  if (!options_.merge_states) return;
  mine.digest = Mix(Mix(begin, result), static_cast<uint64_t>(mine.full_naps) + 1);
}

void ControlledScheduler::Changed(const void* address, uint64_t before, uint64_t after) {
  const uint64_t id = reinterpret_cast<uintptr_t>(address);
  memory_digest_ ^= Mix(id, before) ^ Mix(id, after);
}

// Stands for all who sleep on `address`, and is no address itself.
const void* ControlledScheduler::SleepersOn(const void* address) {
  return reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(address) | uintptr_t{1} << 62);
}

bool ControlledScheduler::Sleep(const void* address, int64_t nanoseconds) {
  Fiber& mine = *fibers_[running_];
  mine.sleeping = true;
  mine.timed_out = false;
  mine.address = address;
  mine.wake_at = nanoseconds > INT64_MAX - now_ ? INT64_MAX : now_ + nanoseconds;
  mine.digest = Mix(mine.digest, 's');
  Touch(&now_, /*write=*/false);
  Touch(&mine.sleeping, /*write=*/true);
  Touch(SleepersOn(address), /*write=*/true);
  Step(/*willing=*/true);
  Saw(mine.timed_out ? 1 : 0);
  return mine.timed_out;
}

void ControlledScheduler::EndSleep(int thread, bool by_time) {
  Fiber& fiber = *fibers_[thread];
  fiber.sleeping = false;
  fiber.timed_out = by_time;
  fiber.full_naps += by_time ? 1 : 0;
  const int who = by_time ? thread : running_;
  TouchAs(who, &fiber.sleeping, /*write=*/true);
  TouchAs(who, SleepersOn(fiber.address), /*write=*/true);
}

void ControlledScheduler::Wake(const void* address, int count) {
  Touch(SleepersOn(address), /*write=*/false);
  // In the order of the threads' numbers: the kernel's order is not promised either.
  for (size_t i = 0; i < program_->threads.size() && count > 0; ++i) {
    Fiber& fiber = *fibers_[i];
    if (!fiber.ended && fiber.sleeping && fiber.address == address) {
      EndSleep(static_cast<int>(i), /*by_time=*/false);
      --count;
    }
  }
}

}  // namespace rqlockdep
