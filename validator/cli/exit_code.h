// How the command line tool ends, for scripts.
#ifndef RQLOCKDEP_VALIDATOR_CLI_EXIT_CODE_H_
#define RQLOCKDEP_VALIDATOR_CLI_EXIT_CODE_H_

namespace rqlockdep {

// The higher one wins.
enum ExitCode : int {
  kNoFinding = 0,
  kFindings = 1,
  kFailure = 2,  // bad usage, an unreadable or malformed file, output that cannot be written
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CLI_EXIT_CODE_H_
