// Where the text of reports goes: standard error, or one file for each process.
//
// Each text is written by one write(2), so that lines of several threads and processes do not mix
// (a pipe keeps up to 4 KB together, a file any size). A log file PATH.PID is opened to append for
// each text and closed again: reports are rare, a descriptor that stays open could be closed by a
// program that becomes a daemon and then be another file, and a child after fork() gets a file of
// its own by itself. If the file cannot be opened, that is said once and standard error is used.
//
// Threads and signals: WriteReport any, at any time. No malloc, no stdio, no lock; errno is kept.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_OUTPUT_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_OUTPUT_H_

#include <string_view>

namespace rqlockdep {

// `log_path` as in options.h; it is not copied and must live for ever. Empty or null: standard
// error. Call it before other threads exist.
void SetLogPath(const char* log_path);

void WriteReport(std::string_view text);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_OUTPUT_H_
