// Findings as text that a person can act on.
//
// A report begins with a separator and a headline that can be searched for
//
//   rqlockdep: warning: resilient-cycle: cache -> table -> cache can stall until an acquisition
//   fails
//
// and tells who asks for what and holds what, what was seen where, how it goes wrong, what happens
// then, and what to do. No line is wider than 110 columns. The same finding and the same names give
// the same text.
//
// Signal-safe as far as `names` is: no malloc, no locks, no stdio; about 12 KiB of stack.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_TEXT_REPORT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_TEXT_REPORT_H_

#include <cstdint>

#include "validator/core/finding.h"
#include "validator/report/names.h"
#include "validator/report/text_writer.h"

namespace rqlockdep {

// The whole report, ending with a newline.
void WriteTextReport(const Finding& finding, Names& names, TextWriter& out);

// The headline alone, with a newline.
void WriteHeadline(const Finding& finding, Names& names, TextWriter& out);

// The headline without "rqlockdep: SEVERITY: ID: " and newline, with names as long as they are.
void WriteMessage(const Finding& finding, Names& names, TextWriter& out);

// How many findings there were of each id.
struct FindingCounts {
  uint32_t by_id[kFindingIdCount] = {};

  void Add(FindingId id) { ++by_id[static_cast<int>(id)]; }
  uint32_t total() const;
};

// "2 findings: 1 circular-dependency, 1 resilient-cycle" or "no findings"; no newline. For the last
// line of a run, behind "rqlockdep: ". In the order of docs/semantics.md, section 9.
void WriteCounts(const FindingCounts& counts, TextWriter& out);

// "rqlockdep: 2 findings: ..." and a newline.
void WriteSummary(const FindingCounts& counts, TextWriter& out);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_TEXT_REPORT_H_
