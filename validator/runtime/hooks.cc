// The hooks of rqlockdep/hooks.h that locks call: from there to the validator of this process.
#include "rqlockdep/hooks.h"

#include "validator/runtime/construction_site.h"
#include "validator/runtime/hook_scope.h"
#include "validator/runtime/thread_context.h"

namespace rqlockdep::hooks {
namespace {

// Null if the thread is not ready, or inside the validator already.
[[gnu::always_inline]] inline ThreadState* ReadyThread(const ThreadContext& context) {
  return context.inside ? nullptr : context.state;
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

// The thread is marked as inside, if `inside`.
[[gnu::noinline]] void AcquirePlainKnown(LockMap& map, PlainArguments arguments, void* caller,
                                         void* frame, bool inside) {
  ThreadContext& context = t_context;
  if (inside) {
    const bool done =
        Validator::AcquireKnown(*context.state, map, arguments, SiteOf(caller, frame));
    HookScope::SignalFence();
    context.inside = false;
    if (done) [[likely]]
      return;
  }
  AcquireGeneral(map, arguments.unpacked(), caller, frame);
}

[[gnu::noinline]] void ReleaseGeneral(LockMap& map, void* caller, void* frame) {
  const HookScope scope;
  if (scope) TheValidator().Release(scope.thread(), map, SiteOf(caller, frame));
}

}  // namespace

// A leaf for the record that is made: what calls nothing saves no registers.
void AcquirePlain(LockMap& map, PlainArguments arguments) {
  void* const caller = RQLOCKDEP_CALLER;
  void* const frame = __builtin_frame_address(0);
  ThreadContext& context = t_context;
  ThreadState* const thread = ReadyThread(context);
  if (thread == nullptr) [[unlikely]]
    return AcquirePlainKnown(map, arguments, caller, frame, /*inside=*/false);
  context.inside = true;
  HookScope::SignalFence();
  if (!Validator::AcquireAgain(*thread, map, arguments, SiteOf(caller, frame))) [[unlikely]] {
    return AcquirePlainKnown(map, arguments, caller, frame, /*inside=*/true);
  }
  HookScope::SignalFence();
  context.inside = false;
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
  ThreadState* const thread = ReadyThread(t_context);
  if (thread != nullptr && Validator::ReleaseNewest(*thread, map)) [[likely]]
    return;
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
