// Writes a trace in memory as text in the lock trace format, version 1 (docs/trace-format.md).
//
// The text is canonical: all declarations first, single blanks, the options of an acquisition in
// the order of the format's page, `read` written for sections too, no comments. Reading it gives
// the same trace but for the positions, and writing that gives the same text.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_TRACE_WRITER_H_
#define RQLOCKDEP_VALIDATOR_TRACE_TRACE_WRITER_H_

#include <string>

#include "validator/trace/trace.h"

namespace rqlockdep {

// `trace` must be well-formed: what ReadTrace can return. Linear in its size. Thread-safe; throws
// nothing but std::bad_alloc.
std::string WriteTrace(const Trace& trace);

// The line of one event of `trace`, without a line feed.
std::string WriteTraceEvent(const Trace& trace, const TraceEvent& event);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_TRACE_WRITER_H_
