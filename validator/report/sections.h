// The pieces that the reports of several verdicts share. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_SECTIONS_H_
#define RQLOCKDEP_VALIDATOR_REPORT_SECTIONS_H_

#include <span>
#include <string_view>

#include "validator/core/finding.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// A line of '='.
void WriteSeparator(Page& page);

// "What T1 holds, oldest first:" and a list; how, where and, if `stacks`, by which calls.
void WriteHeld(ThreadId thread, std::span<const FindingLock> held, bool stacks, Page& page);
inline void WriteHeld(const Finding& finding, Page& page) {
  WriteHeld(finding.thread, finding.held, false, page);
}

// `title` and the stack of `lock`.
void WriteStackSection(std::string_view title, const FindingLock& lock, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_SECTIONS_H_
