#include "validator/cli/command_line.h"

#include <cstring>
#include <string>

#include "validator/cli/replay_command.h"

namespace rqlockdep {
namespace {

constexpr std::string_view kVersion = "rqlockdep 0.1.0\n";

constexpr std::string_view kUsage =
    "usage: rqlockdep replay [--format=text|json|dot] FILE...\n"
    "       rqlockdep --help | --version\n";

constexpr std::string_view kHelp =
    "\n"
    "replay   feeds each lock trace to a fresh validator and prints what it finds\n"
    "\n"
    "  FILE            a trace in the format of docs/trace-format.md; - is standard input\n"
    "  --format=text   reports for people (the default)\n"
    "  --format=json   one object for each file, on one line; see docs/json.md\n"
    "  --format=dot    the lock-order graph for Graphviz: blocking acquisitions solid, timed\n"
    "                  dashed, resilient dotted, reported cycles red\n"
    "\n"
    "Exit status: 0 no finding; 1 findings; 2 bad usage, or a file that is unreadable or\n"
    "malformed (the other files are replayed all the same).\n";

ExitCode Print(std::string_view text, const CommandStreams& streams) {
  const int error = WriteAll(streams.out, text);
  if (error == 0) return kNoFinding;
  WriteAll(streams.err, "rqlockdep: error: cannot write standard output: " +
                            std::string(std::strerror(error)) + "\n");
  return kFailure;
}

ExitCode UsageError(const std::string& message, const CommandStreams& streams) {
  WriteAll(streams.err, "rqlockdep: error: " + message + "\n" + std::string(kUsage));
  return kFailure;
}

}  // namespace

ExitCode RunCommandLine(std::span<const std::string_view> arguments,
                        const CommandStreams& streams) {
  if (arguments.empty()) return UsageError("no command given", streams);
  const std::string help = std::string(kUsage) + std::string(kHelp);
  const std::string_view command = arguments[0];
  if (command == "--help") return Print(help, streams);
  if (command == "--version") return Print(kVersion, streams);
  if (command != "replay") {
    return UsageError("unknown command '" + std::string(command) + "'", streams);
  }
  std::string error;
  const auto options = ParseReplayArguments(arguments.subspan(1), &error);
  if (!options.has_value()) return UsageError(error, streams);
  if (options->help) return Print(help, streams);
  return RunReplay(*options, streams);
}

}  // namespace rqlockdep
