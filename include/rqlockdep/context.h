// What interrupts threads: signal handlers (the `hard` context) and deferred callbacks (`soft`), so
// that the validator finds locks that are shared with them and not kept apart.
//
//   void OnAlarm(int signal) {                          or, without a change of the handler,
//     rqlockdep::SignalHandlerScope scope(signal);        rqlockdep::Sigaction(SIGALRM, &action,
//     ...                                                                      nullptr);
//   }
//
//   rqlockdep::PthreadSigmask(SIG_BLOCK, &alarms, &before);   // not pthread_sigmask: it would not
//   ...                                                       // be seen that the handler is off
//   rqlockdep::PthreadSigmask(SIG_SETMASK, &before, nullptr);
//
//   loop.Post([] { rqlockdep::SoftContextScope scope; ... });  // a callback, an executor's task, a
//                                                              // garbage collector's hook
//
// When the hard context counts as masked in a thread. *Handled* is an asynchronous signal that a
// handler was installed for with Sigaction, or whose handler made a SignalHandlerScope once.
// - Outside handlers: when every handled signal is blocked; while none is handled, when any
//   asynchronous signal is. (There is one hard context, not one for each signal: a thread that
//   blocks one of two handled signals counts as interruptible by both.)
// - Inside a handler: while the handled signals that were blocked when it began still are.
// The validator looks at the mask when a thread first uses a lock or a context (inherited masks),
// and whenever PthreadSigmask, Sigaction or an _irqsave function of res_spin_lock.h changes it. A
// signal that is first handled later than that counts for other threads from their next change on.
//
// Soft contexts leave the signal mask, and so the hard context's, as it is. While hard is masked,
// soft counts as masked: whatever runs callbacks must not run them on a thread that blocks signals.
//
// All of this belongs to the calling thread and may be used in signal handlers. In a handler that
// interrupts the validator itself scopes do nothing, at their end neither. With the validator off
// every class and function here is an empty inline, Sigaction and PthreadSigmask call what they
// wrap, and nothing more.
// Cost with the validator on: a SignalHandlerScope makes one system call; whatever enters, leaves
// or masks a context looks at each lock that the thread holds.
#ifndef RQLOCKDEP_CONTEXT_H_
#define RQLOCKDEP_CONTEXT_H_

#include <pthread.h>
#include <signal.h>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"

#if RQLOCKDEP_VALIDATOR
#include <cstdint>

#include "rqlockdep/internal/signal_masks.h"
#endif

namespace rqlockdep {

// --- hard ---

// The rest of a signal handler, from its top. `kind` is kHard, or kHardThreaded for one that may
// take adaptive locks (docs/semantics.md, section 6).
class [[nodiscard]] SignalHandlerScope {
 public:
  explicit SignalHandlerScope([[maybe_unused]] int signal,
                              [[maybe_unused]] ContextKind kind = ContextKind::kHard)
#if RQLOCKDEP_VALIDATOR
      : mark_(hooks::EnterContext(kind, signal))
#endif
  {
  }
#if RQLOCKDEP_VALIDATOR
  ~SignalHandlerScope() { hooks::LeaveContext(mark_); }
#else
  // Not trivial, so that nobody is warned of a variable that is not used.
  ~SignalHandlerScope() {}  // NOLINT(modernize-use-equals-default)
#endif
  SignalHandlerScope(const SignalHandlerScope&) = delete;
  SignalHandlerScope& operator=(const SignalHandlerScope&) = delete;

#if RQLOCKDEP_VALIDATOR
 private:
  const hooks::ContextMark mark_;
#endif
};

// As sigaction(2), with a SignalHandlerScope around the handler. `old_action` gets the handler that
// the program installed, not the wrapper. Handlers that sigaction(2) installed are not wrapped and
// need a scope of their own. Another thread's signal that comes during the call may run the new
// handler with the old flags.
#if RQLOCKDEP_VALIDATOR
int Sigaction(int signal, const struct sigaction* action, struct sigaction* old_action);
#else
inline int Sigaction(int signal, const struct sigaction* action, struct sigaction* old_action) {
  return sigaction(signal, action, old_action);
}
#endif

// As pthread_sigmask(3). For sigprocmask(2), which is the same on Linux, too.
inline int PthreadSigmask(int how, const sigset_t* set, sigset_t* old_set) {
#if RQLOCKDEP_VALIDATOR
  const uint64_t change = set == nullptr ? 0 : internal::KernelMask(*set);
  sigset_t before;
  const int error = pthread_sigmask(how, set, &before);
  if (error != 0) return error;
  if (old_set != nullptr) *old_set = before;
  if (set == nullptr) return 0;
  const uint64_t mask = internal::KernelMask(before);
  hooks::SignalsBlocked(how == SIG_BLOCK     ? mask | change
                        : how == SIG_UNBLOCK ? mask & ~change
                                             : change);
  return 0;
#else
  return pthread_sigmask(how, set, old_set);
#endif
}

// --- soft ---

// A deferred callback, from its top.
class [[nodiscard]] SoftContextScope {
 public:
#if RQLOCKDEP_VALIDATOR
  SoftContextScope() : mark_(hooks::EnterContext(ContextKind::kSoft, 0)) {}
  ~SoftContextScope() { hooks::LeaveContext(mark_); }
#else
  SoftContextScope() {}   // NOLINT(modernize-use-equals-default): as above
  ~SoftContextScope() {}  // NOLINT(modernize-use-equals-default)
#endif
  SoftContextScope(const SoftContextScope&) = delete;
  SoftContextScope& operator=(const SoftContextScope&) = delete;

#if RQLOCKDEP_VALIDATOR
 private:
  const hooks::ContextMark mark_;
#endif
};

// No callback can interrupt this thread, or can again: to be called where the program's runtime
// defers callbacks. They do not count; SoftMaskScope nests.
inline void MaskSoft() { hooks::Mask(ContextKind::kSoft); }
inline void UnmaskSoft() { hooks::Unmask(ContextKind::kSoft); }

class [[nodiscard]] SoftMaskScope {
 public:
#if RQLOCKDEP_VALIDATOR
  SoftMaskScope() : changed_(hooks::Mask(ContextKind::kSoft)) {}
  ~SoftMaskScope() {
    if (changed_) hooks::Unmask(ContextKind::kSoft);
  }
#else
  SoftMaskScope() {}      // NOLINT(modernize-use-equals-default): as above
  ~SoftMaskScope() {}     // NOLINT(modernize-use-equals-default)
#endif
  SoftMaskScope(const SoftMaskScope&) = delete;
  SoftMaskScope& operator=(const SoftMaskScope&) = delete;

#if RQLOCKDEP_VALIDATOR
 private:
  const bool changed_;
#endif
};

// --- jumps out of a context ---

// siglongjmp() leaves a context without the end of its scope. Note the place before, and say so
// where the jump arrives:
//
//   const rqlockdep::ContextMark mark = rqlockdep::CurrentContext();
//   if (sigsetjmp(buffer, 1) != 0) rqlockdep::ReturnToContext(mark);
//
// Locks that the contexts took and still hold are findings (held-at-exit). Without the call all
// that follows counts as part of the handler, until a scope around it ends. A handler must not jump
// when it interrupted a lock operation: neither the lock nor, with the validator on, the validator
// is whole then, and other threads may wait for it for ever. (POSIX asks the same for every
// function that is not signal-safe.)
using ContextMark = hooks::ContextMark;
using hooks::CurrentContext;
using hooks::ReturnToContext;

}  // namespace rqlockdep

#endif  // RQLOCKDEP_CONTEXT_H_
