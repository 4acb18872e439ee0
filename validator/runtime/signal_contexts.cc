#include "validator/runtime/signal_contexts.h"

#include <signal.h>

#include <atomic>

#include "rqlockdep/internal/signal_masks.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

// Relaxed everywhere: the set stands for itself.
constinit std::atomic<uint64_t> handled_signals{0};

}  // namespace

uint64_t HandledSignals() { return handled_signals.load(std::memory_order_relaxed); }

void AddHandledSignal(int signal) {
  const uint64_t bit = internal::SignalBit(signal) & internal::AsynchronousSignals();
  // Mostly known already: nothing shared is written then.
  if ((HandledSignals() & bit) != bit) handled_signals.fetch_or(bit, std::memory_order_relaxed);
}

void RemoveHandledSignal(int signal) {
  handled_signals.fetch_and(~internal::SignalBit(signal), std::memory_order_relaxed);
}

uint64_t SignalMaskOfThread() {
  uint64_t mask = 0;
  RawSystemCall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof(mask));
  return mask;
}

bool HardCountsAsMasked(const ThreadContext& context, uint64_t blocked) {
  if (context.in_handler) return (context.handler_blocked & ~blocked) == 0;
  const uint64_t handled = HandledSignals();
  return handled == 0 ? (blocked & internal::AsynchronousSignals()) != 0
                      : (handled & ~blocked) == 0;
}

}  // namespace rqlockdep
