// The program: everything of interest is in command_line.h.
#include <csignal>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "validator/cli/command_line.h"
#include "validator/cli/exit_code.h"
#include "validator/cli/file_io.h"

int main(int argc, char** argv) {
  // A reader that went away is an error of write(), with a message and an exit status.
  std::signal(SIGPIPE, SIG_IGN);
  const rqlockdep::CommandStreams streams;
  try {
    const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return rqlockdep::RunCommandLine(arguments, streams);
  } catch (const std::exception& exception) {  // no memory
    rqlockdep::WriteAll(streams.err, "rqlockdep: error: " + std::string(exception.what()) + "\n");
    return rqlockdep::kFailure;
  }
}
