// The program's own handler of findings (include/rqlockdep/findings.h), as the runtime calls it.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_HANDLER_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_HANDLER_H_

#include <string_view>

#include "validator/core/finding.h"

namespace rqlockdep {

// Calls the handler, if the program has set one, and says whether it has.
bool CallFindingHandler(const Finding& finding, std::string_view text);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_FINDING_HANDLER_H_
