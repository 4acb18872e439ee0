// A program with a ring of threads that wait for one another: see lock_ring.h.
//
//   ring_program KINDS   one thread and one lock for each letter; says how many failed
#include <cstdio>

#include "tests/runtime/lock_ring.h"

// Thread sanitizer has a deadlock detector too, and would end the program with its own report.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const rqlockdep::RingOutcome outcome = rqlockdep::RunRing(argv[1]);
  std::printf("failed: %d\n", outcome.failed);
  return 0;
}
