// The validator's verdicts on a trace against the reference model's, event by event.
//
// What has to agree:
// - whether the trace is malformed, and the set of finding ids;
// - of what each event is judged for anew (balance, lifetime, unwinding, nest locks, locks taken
//   inside themselves, live deadlocks): how many findings of each id each event makes;
// - of what a thread is judged for once a chain (recursion within a class, wait ranks): the
//   validator says nothing at an event at which the model says nothing;
// - of cycles and closed paths: each of the validator's class sequences is one that the model gave
//   with this id, at this event or earlier, and comes once; and where the model gives new ones with
//   an id, the validator reports one with that id, at that event.
#ifndef RQLOCKDEP_TESTS_CONFORMANCE_VERDICT_COMPARISON_H_
#define RQLOCKDEP_TESTS_CONFORMANCE_VERDICT_COMPARISON_H_

#include <string>

#include "validator/trace/trace.h"

namespace rqlockdep {

// What differs, in words; empty if nothing does.
std::string CompareVerdicts(const Trace& trace);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_CONFORMANCE_VERDICT_COMPARISON_H_
