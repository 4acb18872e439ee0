// The hooks of rqlockdep/hooks.h for contexts: what interrupts threads, and what keeps it off.
#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/signal_masks.h"
#include "validator/runtime/hook_scope.h"
#include "validator/runtime/signal_contexts.h"

namespace rqlockdep::hooks {
namespace {

bool IsMasked(const ThreadState& thread, ContextKind kind) {
  return (thread.masks & MaskBit(IndexOf(kind))) != 0;
}

void SetMasked(ThreadState& thread, ContextKind kind, bool masked) {
  if (masked == IsMasked(thread, kind)) return;
  if (masked) {
    TheValidator().MaskContext(thread, kind);
  } else {
    TheValidator().UnmaskContext(thread, kind);
  }
}

ContextMark MarkOf(const ThreadContext& context) {
  return {.handler_blocked = context.handler_blocked,
          .depth = context.state->context_depth,
          .in_handler = context.in_handler,
          .valid = true};
}

void LeaveUntil(ThreadContext& context, const ContextMark& mark, const CallSite& site) {
  ThreadState& thread = *context.state;
  while (thread.context_depth > mark.depth) {
    // The kernel restores the signal mask at the end of a handler, but not of a callback.
    const bool is_soft = thread.context().kind == ContextKind::kSoft;
    const bool hard_masked = IsMasked(thread, ContextKind::kHard);
    TheValidator().LeaveContext(thread, site);
    if (is_soft) SetMasked(thread, ContextKind::kHard, hard_masked);
  }
  context.handler_blocked = mark.handler_blocked;
  context.in_handler = mark.in_handler;
}

}  // namespace

ContextMark EnterContext(ContextKind kind, int signal) {
  const bool is_soft = kind == ContextKind::kSoft;
  if (!is_soft) AddHandledSignal(signal);
  const bool is_new_thread = t_context.state == nullptr;
  const HookScope scope;
  if (!scope) return {};
  ThreadState& thread = scope.thread();
  ThreadContext& context = scope.context();
  const ContextMark mark = MarkOf(context);
  const uint64_t own_bit =
      is_soft ? 0 : internal::SignalBit(signal) & internal::AsynchronousSignals();
  if (is_new_thread && own_bit != 0) {
    // The mask that the thread was attached with is the handler's. The interrupted flow did not
    // block this signal.
    SetMasked(thread, ContextKind::kHard, false);
  }
  const bool hard_masked = IsMasked(thread, ContextKind::kHard);
  TheValidator().EnterContext(thread, kind);
  if (is_soft) {
    // The callback's signal mask is that of the flow around it.
    SetMasked(thread, ContextKind::kHard, hard_masked);
  } else {
    context.in_handler = true;
    context.handler_blocked = SignalMaskOfThread() & HandledSignals();
  }
  return mark;
}

ContextMark CurrentContext() {
  const HookScope scope;
  return scope ? MarkOf(scope.context()) : ContextMark();
}

void LeaveContext(const ContextMark& mark) {
  if (!mark.valid) return;
  const HookScope scope;
  if (scope) LeaveUntil(scope.context(), mark, RQLOCKDEP_SITE);
}

void ReturnToContext(const ContextMark& mark) {
  if (!mark.valid) return;
  const HookScope scope;
  if (!scope) return;
  LeaveUntil(scope.context(), mark, RQLOCKDEP_SITE);
  SetMasked(scope.thread(), ContextKind::kHard,
            HardCountsAsMasked(scope.context(), SignalMaskOfThread()));
}

bool Mask(ContextKind kind) {
  const HookScope scope;
  if (!scope || IsMasked(scope.thread(), kind)) return false;
  SetMasked(scope.thread(), kind, true);
  return true;
}

bool Unmask(ContextKind kind) {
  const HookScope scope;
  if (!scope || !IsMasked(scope.thread(), kind)) return false;
  SetMasked(scope.thread(), kind, false);
  return true;
}

void SignalsBlocked(uint64_t blocked) {
  const HookScope scope;
  if (!scope) return;
  SetMasked(scope.thread(), ContextKind::kHard, HardCountsAsMasked(scope.context(), blocked));
}

}  // namespace rqlockdep::hooks
