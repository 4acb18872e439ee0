// What every hook begins with: the thread's state, and the mark that the thread is inside.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_HOOK_SCOPE_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_HOOK_SCOPE_H_

#include "validator/core/held_stack.h"
#include "validator/core/thread_state.h"
#include "validator/runtime/runtime.h"
#include "validator/runtime/stack_capture.h"
#include "validator/runtime/thread_context.h"

namespace rqlockdep {

// The time that a thread spends in a hook. False in a condition: nothing is to be done, because the
// validator is off or the thread is inside it already.
class HookScope {
 public:
  HookScope() : context_(t_context) {
    if (context_.inside) return;
    if (context_.state == nullptr && !Attach(context_)) return;
    if (context_.state->is_off()) return;
    context_.inside = true;
    SignalFence();
    entered_ = true;
  }
  ~HookScope() {
    if (!entered_) return;
    SignalFence();
    context_.inside = false;
  }
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

  explicit operator bool() const { return entered_; }
  ThreadState& thread() const { return *context_.state; }
  ThreadContext& context() const { return context_; }

  // A compiler barrier between `inside` and the validator's own data, for a signal handler of this
  // thread; other threads never look at it, so no processor fence is needed.
  static void SignalFence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

 private:
  [[gnu::noinline, gnu::cold]] static bool Attach(ThreadContext& context) {
    Runtime* runtime = Runtime::Get();
    if (runtime == nullptr) return false;
    // What the runtime's start does must not come back here.
    context.inside = true;
    SignalFence();
    // A signal handler may have attached the thread meanwhile.
    const bool attached = context.state != nullptr || runtime->AttachThread();
    SignalFence();
    context.inside = false;
    return attached;
  }

  ThreadContext& context_;
  bool entered_ = false;
};

// A thread that has a state has a validator.
inline Validator& TheValidator() { return Runtime::GetMade().validator(); }

// Where the acquisition happens. Without optimisation there are frames of the lock, of
// std::lock_guard and the like between the hook and the code that is worth naming, and a frame
// pointer in each.
[[gnu::always_inline]] inline CallSite SiteOf(void* caller, void* frame) {
  CallSite site;
#if defined(RQLOCKDEP_DEEP_CALL_SITES)
  (void)caller;
  WalkFramePointers(site.frames, kCallSiteDepth, frame);
  if (site.frames[0] == 0) site.frames[0] = reinterpret_cast<uintptr_t>(caller);
#else
  (void)frame;
  if (caller == nullptr) __builtin_unreachable();  // it is a return address
  site.frames[0] = reinterpret_cast<uintptr_t>(caller);
#endif
  return site;
}

#define RQLOCKDEP_CALLER __builtin_return_address(0)
#define RQLOCKDEP_SITE SiteOf(RQLOCKDEP_CALLER, __builtin_frame_address(0))

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_HOOK_SCOPE_H_
