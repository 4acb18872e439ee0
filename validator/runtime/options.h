// The options of a validated program: RQLOCKDEP_OPTIONS, in the style of the sanitizers.
//
//   RQLOCKDEP_OPTIONS="fail_on=warning:log_path=/tmp/locks:stacks=full"
//
//   enabled           yes or no    yes    no: the hooks do nothing
//   halt_on_error     yes or no    no     the first error ends the program at once, with exitcode
//   halt_on_deadlock  yes or no    no     a deadlock without end ends the program, with exitcode;
//                                  yes    yes by default under `bazel test` (BAZEL_TEST=1 or
//                                         TEST_TMPDIR is set), where it would hang until the test
//                                         is out of time
//   exitcode          0 to 255     66     of a program with findings that would end with 0; 0:
//                                         leave it
//   fail_on           error, warning, never
//                                  error  from which severity on a finding changes the exit
//                                         status; `warning` by default under `bazel test`, where
//                                         nobody reads the log of a test that passes
//   log_path          path         -      reports go to the file PATH.PID instead of standard
//                                         error; "stdout" and "stderr" mean these
//   min_severity      note, warning, error
//                                  note   reported from here on
//   min_confidence    few-threads, single-thread, witnessed
//                                  few-threads    reported from here on
//   stacks            fast, full   fast   full: a stack is taken at every acquisition
//   max_steps         1 to 2^32-1  100000 of a search for cycles, see docs/semantics.md
//   symbolize         yes or no    yes    no: do not run addr2line for files and lines
//   dump_signal       a signal     none   shows all locks (rqlockdep/show_locks.h) when it comes:
//                                         SIGQUIT, QUIT, 3, SIGRTMIN+1, ...; 0 or none: no signal
//
// Booleans are 0, 1, false, true, no, yes. Options are separated by ':' (also ',', blank, tab, line
// end); a value with a separator in it is put in quotes, '...' or "...". Of two settings the last
// counts. What is not understood is named on standard error and ignored: an option that was meant
// for another version must not stop a program.
//
// Parsing is a pure function; no malloc, no locks.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_OPTIONS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_OPTIONS_H_

#include <cstdint>

#include "validator/core/finding.h"

namespace rqlockdep {

enum class FailOn : uint8_t { kError, kWarning, kNever };

struct Options {
  static constexpr int kMaxPath = 4096;

  bool enabled = true;
  bool halt_on_error = false;
  bool halt_on_deadlock = false;
  uint8_t exitcode = 66;
  FailOn fail_on = FailOn::kError;
  char log_path[kMaxPath] = {};  // empty: standard error
  Severity min_severity = Severity::kNote;
  Confidence min_confidence = Confidence::kFewThreads;
  bool full_stacks = false;
  uint32_t max_steps = 100000;
  bool symbolize = true;
  int dump_signal = 0;  // 0: none
};

// What stands behind a variable of the environment, or null, as getenv.
using EnvironmentLookup = const char* (*)(const char* name);

// Takes one line of text without line end. Null: the line is written to standard error.
using OptionsWarning = void (*)(const char* message);

// Sets in `options` what `text` says; null is no text.
void ParseOptions(const char* text, Options* options, OptionsWarning warn = nullptr);

// The defaults for this environment, then what RQLOCKDEP_OPTIONS says.
void OptionsFromEnvironment(EnvironmentLookup lookup, Options* options,
                            OptionsWarning warn = nullptr);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_OPTIONS_H_
