// Random traces for tests: well-formed, reproducible, and rich in verdicts.
//
// Threads nest few locks in random orders, so that cycles, gates, recursion, failed waits and live
// deadlocks are frequent. A trace never has an event of a waiting or exited thread; it may end
// early when no thread can go on. It is what ReadTrace makes of its own text, positions included.
//
// By default each trace is limited to a random selection of what the options allow (swarm testing,
// Groce and others 2012). Otherwise nearly every trace would have nearly every finding, and a
// missing one could hide behind another cause of the same id.
#ifndef RQLOCKDEP_TESTS_REFERENCE_TRACE_GENERATOR_H_
#define RQLOCKDEP_TESTS_REFERENCE_TRACE_GENERATOR_H_

#include <cstdint>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "validator/trace/trace.h"

namespace rqlockdep {

struct TraceGeneratorOptions {
  int threads = 4;  // at most; at least one
  int locks = 6;    // at most
  int events = 60;  // at most
  int depth = 4;    // locks that a thread takes in one context before it gives some back
  std::vector<LockKind> kinds = {};  // of the locks; all kinds if empty
  bool swarm = true;     // leave out at random what the numbers below allow, and most kinds
  bool contexts = true;  // enter and leave, mask and unmask

  // How often, in percent of the acquisitions.
  int read = 45;  // of those that may share
  int try_only = 12;
  int timed = 20;
  int subclass = 20;
  int nest = 25;
  int outcome = 12;  // written
  int own = 6;       // of a lock that the thread holds
  int retry = 30;    // after a failure, of the same lock
  int gate = 50;     // when the thread holds nothing: of the gate, a lock chosen for the trace

  // How often, in percent of the releases.
  int out_of_order = 30;
  int unbalanced = 4;  // of any lock

  // How often, in percent of the events.
  int downgrade = 4;
  int init_or_destroy = 3;
  int spawn_or_join = 2;
  int exit = 1;
  int enter_or_leave = 8;
  int mask_or_unmask = 8;
  int leave_with_locks = 12;  // in percent of the leaves that could
};

// The same seed and options give the same trace on every platform.
Trace GenerateTrace(uint64_t seed, const TraceGeneratorOptions& options = {});

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_TRACE_GENERATOR_H_
