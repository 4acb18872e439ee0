// The wrapper of sigaction(2) that puts a SignalHandlerScope around the program's handlers.
//
// Signal-safe like what it wraps: the table's lock is taken with all signals blocked, so no handler
// of this thread can come to want it too.
#include <signal.h>

#include <atomic>
#include <cstdint>
#include <new>

#include "rqlockdep/context.h"
#include "validator/core/futex_mutex.h"
#include "validator/runtime/runtime.h"
#include "validator/runtime/signal_contexts.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

constexpr int kLastSignal = 64;

using PlainHandler = void (*)(int);
using InfoHandler = void (*)(int, siginfo_t*, void*);

// The program's handlers by their wrapper: which of the two the kernel calls says which is meant,
// and neither is ever called with the other's arguments.
struct Handlers {
  std::atomic<PlainHandler> plain{nullptr};
  std::atomic<InfoHandler> info{nullptr};
};
constinit Handlers handlers[kLastSignal + 1];
constinit FutexMutex handlers_lock;  // for writers

// Relaxed loads: a handler is stored before the system call that installs its wrapper, and that
// orders them for every thread that the signal comes to.
void CallPlain(int signal) {
  const SignalHandlerScope scope(signal);
  handlers[signal].plain.load(std::memory_order_relaxed)(signal);
}

void CallInfo(int signal, siginfo_t* info, void* context) {
  const SignalHandlerScope scope(signal);
  handlers[signal].info.load(std::memory_order_relaxed)(signal, info, context);
}

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() { Change(SIG_BLOCK, ~uint64_t{0}, &before_); }
  ~AllSignalsBlocked() { Change(SIG_SETMASK, before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  static void Change(int how, uint64_t mask, uint64_t* before) {
    RawSystemCall(SYS_rt_sigprocmask, how, &mask, before, sizeof(mask));
  }
  uint64_t before_ = 0;
};

bool IsHandler(const struct sigaction& action) {
  return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

// Puts the wrapper in the place of the program's handler. One that is a wrapper already, because
// the program got it from sigaction(2), stays.
void Wrap(int signal, struct sigaction& action) {
  Handlers& slot = handlers[signal];
  if ((action.sa_flags & SA_SIGINFO) != 0) {
    if (action.sa_sigaction == &CallInfo) return;
    slot.info.store(action.sa_sigaction, std::memory_order_relaxed);
    action.sa_sigaction = &CallInfo;
  } else {
    if (action.sa_handler == &CallPlain) return;
    slot.plain.store(action.sa_handler, std::memory_order_relaxed);
    action.sa_handler = &CallPlain;
  }
}

void Unwrap(struct sigaction& action, PlainHandler plain, InfoHandler info) {
  if ((action.sa_flags & SA_SIGINFO) != 0) {
    if (action.sa_sigaction == &CallInfo) action.sa_sigaction = info;
  } else {
    if (action.sa_handler == &CallPlain) action.sa_handler = plain;
  }
}

}  // namespace

int Sigaction(int signal, const struct sigaction* action, struct sigaction* old_action) {
  if (signal < 1 || signal > kLastSignal || Runtime::Get() == nullptr) {
    return sigaction(signal, action, old_action);
  }
  // Read and written outside the lock: the pointers may be wrong.
  struct sigaction wanted = {};
  if (action != nullptr) wanted = *action;
  const bool installs = action != nullptr && IsHandler(wanted);
  struct sigaction before = {};
  int result;
  {
    const AllSignalsBlocked blocked;
    handlers_lock.lock();
    Handlers& slot = handlers[signal];
    const PlainHandler plain = slot.plain.load(std::memory_order_relaxed);
    const InfoHandler info = slot.info.load(std::memory_order_relaxed);
    // Known before the first signal can come.
    if (installs) Wrap(signal, wanted);
    result = sigaction(signal, action == nullptr ? nullptr : &wanted, &before);
    if (result == 0) {
      Unwrap(before, plain, info);
    } else {
      slot.plain.store(plain, std::memory_order_relaxed);
      slot.info.store(info, std::memory_order_relaxed);
    }
    handlers_lock.unlock();
  }
  if (result != 0) return result;
  if (old_action != nullptr) *old_action = before;
  if (action == nullptr) return 0;
  if (installs) {
    AddHandledSignal(signal);
  } else {
    RemoveHandledSignal(signal);
  }
  // What the thread's mask means may be another thing now.
  hooks::SignalsBlocked(SignalMaskOfThread());
  return 0;
}

void ResetSignalActionsAfterFork() { new (&handlers_lock) FutexMutex; }

}  // namespace rqlockdep
