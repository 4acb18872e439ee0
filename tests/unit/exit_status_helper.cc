// A program that ends in the ways that exit_status_test.cc asks for:
//   exit_status_helper FAIL_ON EXITCODE ERRORS WARNINGS HOW [STATUS]
// HOW: return, exit, _exit, late (a finding in a destructor of a static), thread.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "validator/runtime/exit_status.h"
#include "validator/runtime/output.h"

namespace {

struct Late {
  bool finds = false;
  ~Late() {
    if (finds) rqlockdep::NoteFinding(rqlockdep::Severity::kError);
    std::puts("static destroyed");
  }
} late;

}  // namespace

int main(int argc, char** argv) {
  using rqlockdep::FailOn;
  using rqlockdep::Severity;
  if (argc < 6) return 100;
  rqlockdep::SetLogPath(getenv("HELPER_LOG_PATH"));
  const FailOn fail_on = strcmp(argv[1], "error") == 0     ? FailOn::kError
                         : strcmp(argv[1], "warning") == 0 ? FailOn::kWarning
                                                           : FailOn::kNever;
  rqlockdep::SetExitPolicy(fail_on, atoi(argv[2]));
  for (int i = atoi(argv[3]); i > 0; --i) rqlockdep::NoteFinding(Severity::kError);
  for (int i = atoi(argv[4]); i > 0; --i) rqlockdep::NoteFinding(Severity::kWarning);
  const int status = argc > 6 ? atoi(argv[6]) : 0;
  atexit([] { std::puts("atexit ran"); });
  std::printf("buffered");  // no line end: only exit() flushes it
  const char* how = argv[5];
  if (strcmp(how, "exit") == 0) exit(status);
  if (strcmp(how, "_exit") == 0) _exit(status);
  if (strcmp(how, "thread") == 0) std::thread([status] { exit(status); }).join();
  if (strcmp(how, "late") == 0) late.finds = true;
  return status;
}
