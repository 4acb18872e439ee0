// rqlockdep replay: feeds each trace to a fresh validator and prints what it finds.
#ifndef RQLOCKDEP_VALIDATOR_CLI_REPLAY_COMMAND_H_
#define RQLOCKDEP_VALIDATOR_CLI_REPLAY_COMMAND_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "validator/cli/exit_code.h"
#include "validator/cli/file_io.h"

namespace rqlockdep {

struct ReplayOptions {
  enum class Format { kText, kJson, kDot };
  Format format = Format::kText;
  std::vector<std::string> files;
  bool help = false;
};

// `arguments` are those behind "replay". Returns no value, and says why in `error`, if they are
// wrong.
std::optional<ReplayOptions> ParseReplayArguments(std::span<const std::string_view> arguments,
                                                  std::string* error);

// Replays the files in their order. Writes findings to `streams.out`, once a file, and errors as
// "FILE:LINE:COLUMN: error: ..." to `streams.err`; goes on with the next file after an error in
// one.
ExitCode RunReplay(const ReplayOptions& options, const CommandStreams& streams);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CLI_REPLAY_COMMAND_H_
