// Reads the lock trace format, version 1 (docs/trace-format.md).
//
// The reader accepts any bytes and never crashes: what is not a trace is an error with a position.
// It checks all that needs no knowledge of who holds what; an event of a thread that has exited, a
// `leave` that does not match, an outcome that does not fit, are found here too; an event of a
// thread that waits is found by the replay. Memory is linear in the input.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_TRACE_READER_H_
#define RQLOCKDEP_VALIDATOR_TRACE_TRACE_READER_H_

#include <string>
#include <string_view>

#include "validator/trace/trace.h"

namespace rqlockdep {

struct TraceError {
  TracePosition position;
  std::string message;  // what is wrong, without file, position or final stop
};

struct TraceReadResult {
  // The trace as far as it is well-formed: with an error, the events before it.
  Trace trace;
  std::optional<TraceError> error;
};

// `text` is the whole file. Thread-safe; throws nothing but std::bad_alloc.
TraceReadResult ReadTrace(std::string_view text);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_TRACE_READER_H_
