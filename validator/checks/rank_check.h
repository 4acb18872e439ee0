// Wait ranks (docs/semantics.md, section 6): nothing that sleeps inside a spinlock or a handler.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_RANK_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_RANK_CHECK_H_

#include "validator/checks/check_input.h"

namespace rqlockdep {

// The rank that the input's thread is at in its current context.
uint8_t CurrentRank(CheckInput& input);

// An acquisition that is neither a try, nor re-entry, nor AA.
void CheckRank(CheckInput& input);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_RANK_CHECK_H_
