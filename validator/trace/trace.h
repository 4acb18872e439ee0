// A lock trace in memory: what docs/trace-format.md describes, parsed.
//
// A Trace is plain data. The reader (trace_reader.h) makes it from text and has checked everything
// that can be checked without knowing the state of the locks; the replay (replay.h) does the rest.
// Lines and columns count from 1 and point at the word that an error would be about.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_TRACE_H_
#define RQLOCKDEP_VALIDATOR_TRACE_TRACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rqlockdep/acquisition.h"

namespace rqlockdep {

struct TracePosition {
  int line = 0;
  int column = 0;
};

struct TraceLock {
  std::string name;
  std::string class_name;  // its own name when the trace gives no class
  LockKind kind = LockKind::kQspinlock;
};

enum class TraceOp : uint8_t {
  kAcquire,
  kRelease,
  kDowngrade,
  kInit,
  kDestroy,
  kEnter,
  kLeave,
  kMask,
  kUnmask,
  kSpawn,
  kJoin,
  kExit,
};

enum class TraceOutcome : uint8_t { kOk, kBusy, kTimeout, kDeadlock };

struct TraceEvent {
  TracePosition position;  // of the thread's name; `op_position` is that of the operation
  TracePosition op_position;
  TracePosition argument_position;  // of the first argument, where there is one
  int thread = 0;                   // index into Trace::threads
  TraceOp op = TraceOp::kAcquire;
  int lock = -1;  // index into Trace::locks, for acquire, release, downgrade, init, destroy
  // acquire
  bool read = false;
  bool try_only = false;
  bool timed = false;
  int subclass = 0;
  int nest = -1;  // index into Trace::locks
  std::optional<TraceOutcome> outcome;
  // enter, leave, mask, unmask
  ContextKind context = ContextKind::kHard;
  // spawn, join
  int other_thread = -1;
};

struct Trace {
  std::vector<TraceLock> locks;      // in the order of their declaration
  std::vector<std::string> threads;  // in the order of their first appearance
  std::vector<TraceEvent> events;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_TRACE_H_
