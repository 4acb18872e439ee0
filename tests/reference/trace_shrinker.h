// Makes a failing random trace small enough to read.
//
//   const Trace small = Shrink(trace, [](const Trace& t) { return RealIds(t) != ModelIds(t); });
//   std::cout << WriteTrace(small);
#ifndef RQLOCKDEP_TESTS_REFERENCE_TRACE_SHRINKER_H_
#define RQLOCKDEP_TESTS_REFERENCE_TRACE_SHRINKER_H_

#include <functional>

#include "validator/trace/trace.h"

namespace rqlockdep {

// A trace from which no event, no option of an event, no class name and no lock can be taken away
// without `still_fails` becoming false. `still_fails(trace)` must be true; if it is not, `trace` is
// returned as it is. It is called with well-formed traces only: none has an event of a waiting
// thread, unless `trace` has.
//
// Calls `still_fails` up to O(n^2) times for n events, in practice some hundred times.
Trace Shrink(const Trace& trace, const std::function<bool(const Trace&)>& still_fails);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_TRACE_SHRINKER_H_
