// One step of a cycle: an observation of an edge, or an implicit edge that an asynchronous context
// makes (docs/semantics.md, sections 2 and 5), with what the rules of section 3 look at.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_DEPENDENCY_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_DEPENDENCY_H_

#include "rqlockdep/acquisition.h"
#include "validator/core/ids.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

struct Dependency {
  ClassId from = kNoClass;
  ClassId to = kNoClass;
  bool from_shared = false;   // dependency type S, else E
  bool to_recursive = false;  // dependency type R, else N
  Strength strength = Strength::kBlocking;
  bool implicit = false;
  uint8_t context = 0;  // of an implicit one: kHardIndex or kSoftIndex
  GuardSetId guards = kNoGuards;
  EdgeId edge = kNoEdge;                       // of an explicit one
  ObservationId observation = kNoObservation;  // of an explicit one
};

inline Dependency MakeDependency(const DependencyGraph& graph, ObservationId id) {
  const Observation& observation = graph.GetObservation(id);
  const EdgeId edge_id = graph.EdgeOf(id);
  const Edge& edge = graph.GetEdge(edge_id);
  Dependency dependency;
  dependency.from = edge.from;
  dependency.to = edge.to;
  dependency.from_shared = observation.held_shared();
  dependency.to_recursive = observation.asked_recursive();
  dependency.strength = observation.strength();
  dependency.guards = observation.guards;
  dependency.edge = edge_id;
  dependency.observation = id;
  return dependency;
}

// Rule 1: a recursive reader is not blocked by a reader that holds, so no (x R)(S x).
inline bool MayFollow(const Dependency& first, const Dependency& second) {
  return !(first.to_recursive && second.from_shared);
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_DEPENDENCY_H_
