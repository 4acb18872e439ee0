// Whether two traces say the same, wherever it stood in their texts.
#ifndef RQLOCKDEP_TESTS_REFERENCE_TRACE_EQUALITY_H_
#define RQLOCKDEP_TESTS_REFERENCE_TRACE_EQUALITY_H_

#include <algorithm>
#include <tuple>

#include "validator/trace/trace.h"

namespace rqlockdep {

inline bool EqualButForPositions(const TraceLock& a, const TraceLock& b) {
  return std::tie(a.name, a.class_name, a.kind) == std::tie(b.name, b.class_name, b.kind);
}

inline bool EqualButForPositions(const TraceEvent& a, const TraceEvent& b) {
  const auto fields = [](const TraceEvent& event) {
    return std::tie(event.thread, event.op, event.lock, event.read, event.try_only, event.timed,
                    event.subclass, event.nest, event.outcome, event.context, event.other_thread);
  };
  return fields(a) == fields(b);
}

inline bool EqualButForPositions(const Trace& a, const Trace& b) {
  const auto equal = [](const auto& x, const auto& y) { return EqualButForPositions(x, y); };
  return a.threads == b.threads &&
         std::equal(a.locks.begin(), a.locks.end(), b.locks.begin(), b.locks.end(), equal) &&
         std::equal(a.events.begin(), a.events.end(), b.events.begin(), b.events.end(), equal);
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_TRACE_EQUALITY_H_
