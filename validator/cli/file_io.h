// Files as the command line tool needs them: whole, by descriptor, with errors that are noticed.
#ifndef RQLOCKDEP_VALIDATOR_CLI_FILE_IO_H_
#define RQLOCKDEP_VALIDATOR_CLI_FILE_IO_H_

#include <string>
#include <string_view>

namespace rqlockdep {

// Where a command reads and writes. A test gives it files of its own.
struct CommandStreams {
  int in = 0;
  int out = 1;
  int err = 2;
};

// Reads to the end of the file. Returns 0, or the errno of what failed.
int ReadAll(int descriptor, std::string* contents);

// The same for a file by name; "-" is `standard_input`.
int ReadFile(const std::string& name, int standard_input, std::string* contents);

// Writes all of `text`, in one call where the system takes it. Returns 0, or the errno of what
// failed; the program has to ignore SIGPIPE to get EPIPE.
int WriteAll(int descriptor, std::string_view text);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CLI_FILE_IO_H_
