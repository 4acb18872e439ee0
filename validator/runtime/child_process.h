// Runs another program and reads what it writes, unnoticed by the program that we are part of. See
// symbolizer.h for what that means.
//
// Signal-safe; no malloc, no lock; errno is kept. Any thread.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_CHILD_PROCESS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_CHILD_PROCESS_H_

#include <cstddef>

namespace rqlockdep {

enum class ChildOutcome {
  kOk,        // it ended with status 0
  kFailed,    // it could not be started, or ended otherwise
  kTimedOut,  // it was killed
};

// Runs the first of `programs` (absolute paths, ended by null) that can be executed, with the
// arguments `argv` and an empty environment; its standard input is empty and its errors are
// dropped. Puts what it writes into `output`, the rest is dropped; `*size` says how much there is.
ChildOutcome RunChild(const char* const* programs, const char* const* argv, int seconds,
                      char* output, size_t capacity, size_t* size);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_CHILD_PROCESS_H_
