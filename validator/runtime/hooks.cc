// The hooks of rqlockdep/hooks.h that locks call: from there to the validator of this process.
#include "rqlockdep/hooks.h"

#include "validator/runtime/construction_site.h"
#include "validator/runtime/hook_scope.h"
#include "validator/runtime/thread_context.h"

namespace rqlockdep::hooks {
namespace {

// Runs `step(thread)`, which must make no calls, inside the validator. False if the thread is not
// ready for that, or if `step` says so: then the general way is to be gone.
template <typename Step>
[[gnu::always_inline]] inline bool RunKnown(Step step) {
  ThreadContext& context = t_context;
  ThreadState* thread = context.state;
  if (thread == nullptr || context.inside) return false;
  context.inside = true;
  HookScope::SignalFence();
  const bool done = step(*thread);
  HookScope::SignalFence();
  context.inside = false;
  return done;
}

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

bool Waiting(LockMap& map, CancelCallback cancel, void* argument) {
  const HookScope scope;
  return scope && TheValidator().Waiting(scope.thread(), map, cancel, argument, RQLOCKDEP_SITE);
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
