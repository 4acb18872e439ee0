// The first line of a report, which says it all in short and is made to be searched for:
//
//   rqlockdep: warning: resilient-cycle: cache -> table -> cache can stall until an acquisition
//   fails
#ifndef RQLOCKDEP_VALIDATOR_REPORT_HEADLINE_H_
#define RQLOCKDEP_VALIDATOR_REPORT_HEADLINE_H_

#include "validator/core/finding.h"
#include "validator/report/page.h"

namespace rqlockdep::report {

// Without a newline. Never wider than a page: names are shortened, long lists cut, until it fits.
void WriteHeadlineText(const Finding& finding, Page& page);

// The part after "rqlockdep: ID: ", for formats that have id and severity of their own. As wide as
// it needs.
void WriteMessage(const Finding& finding, Page& page);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_HEADLINE_H_
