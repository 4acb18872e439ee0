// How well what was seen supports a cycle: which threads made its edges, and whether the very
// instances seen close it (docs/semantics.md, section 3).
//
// Under the graph lock. Scratch memory from `arena`, a few bytes a finding.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_EVIDENCE_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_EVIDENCE_H_

#include <span>

#include "validator/checks/dependency.h"
#include "validator/core/arena.h"
#include "validator/core/finding.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

Confidence JudgeConfidence(const DependencyGraph& graph, std::span<const Dependency> cycle,
                           Arena& arena);

bool InstancesCloseCycle(const DependencyGraph& graph, std::span<const Dependency> cycle);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_EVIDENCE_H_
