// What an acquisition is to the thread that asks for it: how it relates to what the thread holds,
// and the chain that it makes. All of it follows from the arguments, the thread's own records, what
// never changes of a class, and its order function, so it is found without the graph lock, too.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_CHAIN_STEP_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_CHAIN_STEP_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"
#include "validator/checks/own_hold.h"
#include "validator/core/chain_cache.h"
#include "validator/core/ids.h"
#include "validator/core/thread_state.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

// What is asked for. `mode` is that of EffectiveMode; `nest` is null if there is none, or the
// thread does not hold it.
struct ChainRequest {
  const hooks::LockMap& lock;
  ClassId class_id;
  LockMode mode;
  Strength strength;
  const hooks::LockMap* nest;
};

struct ChainStep {
  OwnHold own_hold = OwnHold::kNone;
  uint64_t facts = 0;  // AcquisitionFacts, for the record
  // What has been judged if the thread knows it. Its key is not always that of the record: what
  // excuses a nesting matters to the verdict on it, but not to what is asked for later.
  ChainCache::Link link = {};

  // A re-entry, AA, or a lock of no class: there is nothing to judge.
  bool is_special() const { return (facts & AcquisitionFacts::kSpecial) != 0; }
};

// A fair lock's readers do not wait for queued writers inside a context: the interrupted flow may
// be a reader itself.
LockMode EffectiveMode(const ThreadState& thread, const hooks::LockMap& lock, LockMode mode);

// Time: linear in what the thread holds.
ChainStep FindChainStep(const DependencyGraph& graph, const ThreadState& thread,
                        const ChainRequest& request);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_CHAIN_STEP_H_
