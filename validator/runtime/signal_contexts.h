// When a thread's signal mask keeps the hard context off: the rule that rqlockdep/context.h states.
//
// All functions are signal-safe and keep errno.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_CONTEXTS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_CONTEXTS_H_

#include <cstdint>

#include "validator/runtime/thread_context.h"

namespace rqlockdep {

// Asynchronous signals whose handlers enter the hard context; bit n-1 for signal n.
uint64_t HandledSignals();
// `signal` may be synchronous: then nothing happens.
void AddHandledSignal(int signal);
void RemoveHandledSignal(int signal);

// The calling thread's signal mask.
uint64_t SignalMaskOfThread();

// Whether the hard context is masked in the calling thread, whose context is `context`, with this
// signal mask.
bool HardCountsAsMasked(const ThreadContext& context, uint64_t blocked);

// After a fork, in the child: threads that were inside Sigaction are gone.
void ResetSignalActionsAfterFork();

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_CONTEXTS_H_
