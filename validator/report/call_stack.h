// Call stacks in reports.
//
//   #0 hashtab::Insert(int) at src/hashtab.cc:42
//
// Signal-safe as far as Names is.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_CALL_STACK_H_
#define RQLOCKDEP_VALIDATOR_REPORT_CALL_STACK_H_

#include <cstdint>
#include <span>

#include "validator/core/finding.h"
#include "validator/core/thread_locks.h"
#include "validator/report/names.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// The addresses of `site` that are set.
std::span<const uintptr_t> Frames(const CallSite& site);

// The innermost source position of where `lock` was taken or asked for that is neither in the
// standard library nor in a header of ours; the innermost one if there is none; null if nothing is
// known. Valid until `names` is asked again.
const SourceFrame* UserFrame(Names& names, const FindingLock& lock);

// One line for each frame, numbered from `number`; returns the number after the last. If there is
// none, "(not recorded)". The innermost frames are left out while they are in our own headers.
size_t WriteFrames(std::span<const uintptr_t> frames, Page& page, size_t number = 0);

// Where `lock` was taken or asked for: the exact place, then, if it tells more, the stack of the
// first time that the thread held these locks, marked as such. Without the outermost frames that
// only start the thread.
void WriteStack(const FindingLock& lock, Page& page);

// Makes the addresses of all stacks of a finding known to Names at once.
void PrefetchStacks(const Finding& finding, Names& names);

// The same of the places where locks were taken.
void PrefetchSites(std::span<const ThreadLocks> threads, Names& names);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_CALL_STACK_H_
