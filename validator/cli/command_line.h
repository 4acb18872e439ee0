// The command line of the tool: finds the command, or says what there is.
#ifndef RQLOCKDEP_VALIDATOR_CLI_COMMAND_LINE_H_
#define RQLOCKDEP_VALIDATOR_CLI_COMMAND_LINE_H_

#include <span>
#include <string_view>

#include "validator/cli/exit_code.h"
#include "validator/cli/file_io.h"

namespace rqlockdep {

// `arguments` without the program's name.
ExitCode RunCommandLine(std::span<const std::string_view> arguments, const CommandStreams& streams);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CLI_COMMAND_LINE_H_
