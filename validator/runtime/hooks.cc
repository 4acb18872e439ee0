// The hooks of rqlockdep/hooks.h: from a lock's call to the validator of this process.
#include "rqlockdep/hooks.h"

#include "validator/runtime/construction_site.h"
#include "validator/runtime/runtime.h"
#include "validator/runtime/stack_capture.h"
#include "validator/runtime/thread_context.h"

namespace rqlockdep::hooks {
namespace {

// A compiler barrier between `inside` and the validator's own data, for a signal handler of this
// thread; other threads never look at it, so no processor fence is needed.
void SignalFence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// The time that a thread spends in a hook. False in a condition: nothing is to be done, because the
// validator is off or the thread is inside it already.
class HookScope {
 public:
  HookScope() : context_(t_context) {
    if (context_.inside) return;
    if (context_.state == nullptr && !Attach(context_)) return;
    if ((context_.state->general_path & ThreadState::kOff) != 0) return;
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

 private:
  [[gnu::noinline, gnu::cold]] static bool Attach(ThreadContext& context) {
    Runtime* runtime = Runtime::Get();
    if (runtime == nullptr) return false;
    // What the runtime's start does must not come back here.
    context.inside = true;
    const bool attached = runtime->AttachThread();
    context.inside = false;
    return attached;
  }

  ThreadContext& context_;
  bool entered_ = false;
};

// Runs `step(thread)`, which must make no calls, inside the validator. False if the thread is not
// ready for that, or if `step` says so: then the general way is to be gone.
template <typename Step>
[[gnu::always_inline]] inline bool RunKnown(Step step) {
  ThreadContext& context = t_context;
  ThreadState* thread = context.state;
  if (thread == nullptr || context.inside) return false;
  context.inside = true;
  SignalFence();
  const bool done = step(*thread);
  SignalFence();
  context.inside = false;
  return done;
}

// A thread that has a state has a validator.
Validator& TheValidator() { return Runtime::GetMade().validator(); }

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
  site.frames[0] = reinterpret_cast<uintptr_t>(caller);
#endif
  return site;
}

#define RQLOCKDEP_CALLER __builtin_return_address(0)
#define RQLOCKDEP_SITE SiteOf(RQLOCKDEP_CALLER, __builtin_frame_address(0))

}  // namespace

void Construct(LockMap& map) {
  const auto caller = reinterpret_cast<uintptr_t>(RQLOCKDEP_CALLER);
  map.SetKey(LockMap::KeyType::kSite, reinterpret_cast<const void*>(FindConstructionSite(caller)));
}

void Init(LockMap& map, LockKind kind, const LockClass* key) {
  const HookScope scope;
  if (scope) {
    TheValidator().Init(scope.thread(), map, RQLOCKDEP_SITE);
    TheValidator().ForgetLock(scope.thread(), map);
  }
  map.SetKind(kind);
  if (key != nullptr) map.SetKey(LockMap::KeyType::kExplicit, key);
}

namespace {

// They take the site apart, so that on the way that does not need them it stays in registers.
[[gnu::noinline]] void AcquireGeneral(LockMap& map, const AcquireArguments& arguments, void* caller,
                                      void* frame) {
  const HookScope scope;
  if (scope) TheValidator().Acquire(scope.thread(), map, arguments, SiteOf(caller, frame));
}

[[gnu::noinline]] void AcquirePlainGeneral(LockMap& map, PlainArguments arguments, void* caller,
                                           void* frame) {
  AcquireGeneral(map, arguments.unpacked(), caller, frame);
}

[[gnu::noinline]] void ReleaseGeneral(LockMap& map, void* caller, void* frame) {
  const HookScope scope;
  if (scope) TheValidator().Release(scope.thread(), map, SiteOf(caller, frame));
}

}  // namespace

void AcquirePlain(LockMap& map, PlainArguments arguments) {
  void* const caller = RQLOCKDEP_CALLER;
  void* const frame = __builtin_frame_address(0);
  if (RunKnown([&](ThreadState& thread) {
        return Validator::AcquireKnown(thread, map, arguments.mode(), arguments.strength(),
                                       SiteOf(caller, frame));
      })) [[likely]] {
    return;
  }
  AcquirePlainGeneral(map, arguments, caller, frame);
}

void AcquireWith(LockMap& map, const AcquireArguments& arguments) {
  AcquireGeneral(map, arguments, RQLOCKDEP_CALLER, __builtin_frame_address(0));
}

void Waiting(LockMap& map, CancelCallback cancel, void* argument) {
  const HookScope scope;
  if (scope) TheValidator().Waiting(scope.thread(), map, cancel, argument, RQLOCKDEP_SITE);
}

void Acquired(LockMap& map) {
  const HookScope scope;
  if (scope) TheValidator().Acquired(scope.thread(), map);
}

void Failed(LockMap& map, FailReason reason) {
  const HookScope scope;
  if (scope) TheValidator().Failed(scope.thread(), map, reason);
}

void TryAcquire(LockMap& map, const AcquireArguments& arguments, bool got_it) {
  const HookScope scope;
  if (scope) TheValidator().TryAcquire(scope.thread(), map, arguments, got_it, RQLOCKDEP_SITE);
}

void Release(LockMap& map) {
  // Its one store needs no marking: a handler that interrupts finds the lock held or not held.
  ThreadContext& context = t_context;
  if (context.state != nullptr && !context.inside && Validator::ReleaseNewest(*context.state, map))
      [[likely]] {
    return;
  }
  ReleaseGeneral(map, RQLOCKDEP_CALLER, __builtin_frame_address(0));
}

void Downgrade(LockMap& map) {
  const HookScope scope;
  if (scope) TheValidator().Downgrade(scope.thread(), map, RQLOCKDEP_SITE);
}

void Destroy(LockMap& map) {
  const HookScope scope;
  if (!scope) return;
  TheValidator().Destroy(scope.thread(), map, RQLOCKDEP_SITE);
  TheValidator().ForgetLock(scope.thread(), map);
}

void MemoryFreed(const void* begin, size_t size) {
  const HookScope scope;
  if (scope) TheValidator().MemoryFreed(scope.thread(), begin, size, RQLOCKDEP_SITE);
}

}  // namespace rqlockdep::hooks
