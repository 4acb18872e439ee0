#include "validator/runtime/runtime.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <type_traits>

#include "validator/runtime/exit_status.h"
#include "validator/runtime/output.h"
#include "validator/runtime/signal_contexts.h"
#include "validator/runtime/stack_capture.h"

namespace rqlockdep {

constinit thread_local ThreadContext t_context;

namespace internal {
constinit RuntimeStorage runtime_storage = {};
}  // namespace internal

namespace {

enum State : int { kUnmade, kBeingMade, kReady, kOff };
constinit std::atomic<int> g_state{kUnmade};
constinit std::atomic<Runtime*> g_runtime{nullptr};
constinit bool g_has_thread_end_key = false;
constinit pthread_key_t g_thread_end_key = 0;

Validator::Options ToValidatorOptions(const Options& options) {
  Validator::Options result;
  result.max_steps = options.max_steps;
  result.full_stacks = options.full_stacks;
  result.live = true;
  return result;
}

// Before main, and before any constructor of the program with default priority: what needs malloc
// (registering with fork) or should come early (the exit handler) is done here. A lock that is used
// even earlier makes the runtime itself.
[[gnu::constructor(101)]] void StartEarly() { Runtime::Get(); }

}  // namespace

Runtime::Runtime(const Options& options)
    : options_(options),
      names_(options_.symbolize),
      reporter_(options_, names_),
      validator_(environment_, reporter_, ToValidatorOptions(options_)) {
  names_.SetStacks(validator_.stacks());
}

Runtime* Runtime::Get() {
  // Acquire: pairs with the release store in Make; the runtime is whole.
  Runtime* runtime = g_runtime.load(std::memory_order_acquire);
  if (runtime != nullptr) [[likely]] {
    return runtime;
  }
  return Make();
}

Runtime* Runtime::Make() {
  int expected = kUnmade;
  if (!g_state.compare_exchange_strong(expected, kBeingMade, std::memory_order_acq_rel)) {
    // Made by another thread just now, by this one in an outer frame (a handler interrupted it), or
    // off: those who come meanwhile go unvalidated rather than wait.
    return g_runtime.load(std::memory_order_acquire);
  }
  Options options;
  OptionsFromEnvironment([](const char* name) -> const char* { return std::getenv(name); },
                         &options);
  if (!options.enabled) {
    g_state.store(kOff, std::memory_order_release);
    return nullptr;
  }
  auto* runtime = new (internal::runtime_storage.bytes) Runtime(options);
  SetLogPath(runtime->options_.log_path);
  SetExitPolicy(options.fail_on, options.exitcode);
  WarmUpStackCapture();
  // Without a key the ends of threads go unseen, and their states are not used again.
  g_has_thread_end_key = pthread_key_create(&g_thread_end_key, &OnThreadEnd) == 0;
  pthread_atfork(&BeforeFork, &AfterForkInParent, &AfterForkInChild);
  InstallExitHandler();
  g_state.store(kReady, std::memory_order_release);
  // Release: pairs with the acquire load in Get.
  g_runtime.store(runtime, std::memory_order_release);
  if (options.dump_signal != 0) InstallDumpSignal(options.dump_signal);
  return runtime;
}

bool Runtime::AttachThread() {
  ThreadState* state = validator_.NewThread();
  if (state == nullptr) return false;
  names_.NameThread(state->id());
  t_context.state = state;
  if (HardCountsAsMasked(t_context, SignalMaskOfThread())) {
    validator_.MaskContext(*state, ContextKind::kHard);
  }
  // For a thread that takes locks after this destructor ran, in destructors of its own, this is
  // called again, and so is the destructor, as often as the C library repeats them.
  if (g_has_thread_end_key) pthread_setspecific(g_thread_end_key, state);
  return true;
}

void Runtime::OnThreadEnd(void* state) {
  t_context.inside = true;
  Get()->validator_.EndThread(*static_cast<ThreadState*>(state));
  t_context.state = nullptr;
  t_context.in_handler = false;
  t_context.inside = false;
}

// A child has one thread: no lock of ours may stay taken by another. A thread that forks while it
// is inside the validator (in a finding's handler, or in a signal handler that interrupted it) may
// hold them itself: its child goes unvalidated.
void Runtime::BeforeFork() {
  if (t_context.inside) return;
  // A signal handler that comes before fork is over must not ask for what is taken here.
  t_context.inside = true;
  t_context.forking = true;
  Get()->reporter_.mutex().lock();
  Get()->validator_.waits_lock().lock();
  Get()->validator_.graph_lock().lock();
}

void Runtime::AfterForkInParent() {
  if (!t_context.forking) return;
  Runtime& runtime = GetMade();
  runtime.validator_.graph_lock().unlock();
  runtime.validator_.waits_lock().unlock();
  runtime.reporter_.mutex().unlock();
  t_context.forking = false;
  t_context.inside = false;
}

void Runtime::AfterForkInChild() {
  // What the parent found is the parent's to tell.
  ResetFindings();
  ResetSignalActionsAfterFork();
  if (!t_context.forking) {
    g_state.store(kOff, std::memory_order_relaxed);
    g_runtime.store(nullptr, std::memory_order_relaxed);
    if (t_context.state != nullptr) t_context.state->SetGeneralPath(ThreadState::kOff, true);
    return;
  }
  GetMade().validator_.ForgetOtherThreads(t_context.state);
  AfterForkInParent();
}

}  // namespace rqlockdep
