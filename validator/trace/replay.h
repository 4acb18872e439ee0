// Feeds a lock trace to a fresh Validator, one event at a time, as a running program would, and
// decides the outcomes that the trace leaves open (docs/trace-format.md).
//
// One Replay is one validator with simulated threads; many may live in one process, each used by
// one thread. It allocates and throws std::bad_alloc; it is for the command line and for tests.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_REPLAY_H_
#define RQLOCKDEP_VALIDATOR_TRACE_REPLAY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "validator/core/finding.h"
#include "validator/report/names.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"

namespace rqlockdep {

class Validator;

class Replay {
 public:
  // `trace` must outlive the replay. `file_name` is what stacks are printed with.
  Replay(const Trace& trace, std::string file_name);
  ~Replay();

  // Runs all events, or up to the first one that is malformed given the state of the locks.
  std::optional<TraceError> Run();

  const std::vector<Finding>& findings() const;
  // Of the validator, about itself.
  const std::vector<std::string>& warnings() const;
  Names& names();  // threads, classes, instances and lines as the trace calls them
  const Validator& validator() const;  // for the graph

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_REPLAY_H_
