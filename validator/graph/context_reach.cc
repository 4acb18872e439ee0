#include "validator/graph/context_reach.h"

#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

void ContextReach::AddEdge(ClassId from, ClassId to) {
  for (int k = 0; k < kContextCount; ++k) {
    if ((reach_[from] & Used(k)) != 0) Spread(to, Used(k));
    if ((reach_[to] & Enabled(k)) != 0) Spread(from, Enabled(k));
  }
}

void ContextReach::Spread(ClassId id, uint8_t bit) {
  to_do_.Clear();
  const auto reach = [&](ClassId next) {
    if ((reach_[next] & bit) != 0) return;
    reach_[next] |= bit;
    if (!to_do_.PushBack(next)) gave_up_ = true;
  };
  reach(id);
  const bool forward = (bit & kForwardBits) != 0;
  while (!to_do_.empty()) {
    const ClassNode& node = graph_.Class(to_do_.back());
    to_do_.PopBack();
    EdgeId next = kNoEdge;
    for (EdgeId e = forward ? node.first_out : node.first_in; e != kNoEdge; e = next) {
      const Edge& edge = graph_.GetEdge(e);
      next = forward ? edge.next_out : edge.next_in;
      reach(forward ? edge.to : edge.from);
    }
  }
}

}  // namespace rqlockdep
