// The exit status of a program with findings: if it would have ended with 0, it ends with another,
// so that a test or a script notices. And the last line of the output: how many findings there
// were.
//
// Works for programs that return from main() or call exit(). Not for _exit(), quick_exit(),
// abort(), exec and signals: there nothing runs. A child of fork() counts what it inherited and
// finds.
//
// The handler is registered before the program's own initialisation (constructor priority 101), so
// it runs after every destructor and atexit handler of the program: what they still do is counted.
// Then it calls exit() again, which glibc defines as going on with the handlers that are left;
// stdio is flushed as ever.
//
// Threads and signals: NoteFinding any, at any time.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_EXIT_STATUS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_EXIT_STATUS_H_

#include <cstddef>

#include "validator/core/finding.h"
#include "validator/runtime/options.h"

namespace rqlockdep {

// Until it is called: FailOn::kError, 66.
void SetExitPolicy(FailOn fail_on, int exitcode);

// Counts a finding that was reported (not one that an option suppressed).
void NoteFinding(Severity severity);

// Forgets the count: in the child of a fork.
void ResetFindings();

// How many findings of this severity, and of all.
size_t FindingsOf(Severity severity);
size_t AllFindings();

// The status that a program that would end with `status` ends with.
int ExitStatusFor(int status);

// Registers the handler if the constructor has not yet. Call it from the runtime's start: it also
// makes the linker take this file out of the archive.
void InstallExitHandler();

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_EXIT_STATUS_H_
