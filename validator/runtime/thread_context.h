// What the hooks keep in thread-local storage: the way to this thread's state in the validator.
//
// Constant-initialised and of the initial-exec model, so that an access is one instruction, needs
// no allocation and works in a signal handler; the price is that a library with it must be there
// when the program starts.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_THREAD_CONTEXT_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_THREAD_CONTEXT_H_

#include <cstdint>

#include "validator/core/thread_state.h"

namespace rqlockdep {

struct ThreadContext {
  // Null until the thread's first event, and when the validator is off.
  ThreadState* state = nullptr;
  // The thread is inside a hook: what a signal handler does meanwhile, or a finding's handler, is
  // not validated. Written by this thread only; volatile because a handler of its own reads it.
  volatile bool inside = false;
  // The thread is inside fork(), and what fork must find free is taken (Runtime::BeforeFork).
  bool forking = false;
  // The thread runs a signal handler. Then `handler_blocked` has the handled signals that were
  // blocked when it began, its own among them (signal_contexts.h).
  bool in_handler = false;
  uint64_t handler_blocked = 0;
};

[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadContext t_context;

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_THREAD_CONTEXT_H_
