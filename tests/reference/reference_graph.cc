#include "tests/reference/reference_graph.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "tests/reference/simple_cycles.h"

namespace rqlockdep {
namespace {

// Every guard of `inner` is a guard of `outer`, held at least as exclusively.
bool GuardsContain(const std::map<int, bool>& outer, const std::map<int, bool>& inner) {
  for (const auto& [guard, exclusive] : inner) {
    const auto found = outer.find(guard);
    if (found == outer.end() || (exclusive && !found->second)) return false;
  }
  return true;
}

bool DifferInGuardsOnly(const ReferenceObservation& a, const ReferenceObservation& b) {
  return a.held_shared == b.held_shared && a.asked_recursive == b.asked_recursive &&
         a.strength == b.strength;
}

// Rule 1: (x R) followed by (S x) holds nobody up.
bool LeadsOn(const ReferenceObservation& edge, const ReferenceObservation& next) {
  return !(edge.asked_recursive && next.held_shared);
}

// The arc from the class at `index` of a cycle to the next.
std::pair<int, int> ArcAt(const std::vector<int>& classes, size_t index) {
  return {classes[index], classes[(index + 1) % classes.size()]};
}

ArcSet ArcsOf(const std::map<std::pair<int, int>, std::set<ReferenceObservation>>& edges) {
  ArcSet arcs;
  for (const auto& [arc, observations] : edges) arcs.insert(arc);
  return arcs;
}

}  // namespace

int ReferenceGraph::ClassOf(const std::string& name, int subclass, LockKind kind) {
  // A class name has no slash, so this name is unique.
  const std::string full_name = subclass == 0 ? name : name + "/" + std::to_string(subclass);
  const auto [entry, is_new] = class_by_name_.emplace(full_name, static_cast<int>(classes_.size()));
  if (is_new) classes_.push_back({.name = full_name, .kind = kind});
  return entry->second;
}

void ReferenceGraph::AddAskedFor(int lock_class, int lock) {
  std::set<int>& locks = classes_[lock_class].locks;
  locks.insert(lock);
  if (locks.size() == 2) changed_ = true;
}

void ReferenceGraph::AddObservation(int held_class, int asked_class,
                                    const ReferenceObservation& observation) {
  Observations& edge = edges_[{held_class, asked_class}];
  for (const ReferenceObservation& known : edge) {
    if (DifferInGuardsOnly(known, observation) && GuardsContain(observation.guards, known.guards)) {
      return;
    }
  }
  std::erase_if(edge, [&](const ReferenceObservation& known) {
    return DifferInGuardsOnly(known, observation) &&
           GuardsContain(known.guards, observation.guards);
  });
  edge.insert(observation);
  changed_ = true;
}

void ReferenceGraph::AddUsedIn(int lock_class, Context context, bool recursive_reader,
                               Strength strength) {
  changed_ |= classes_[lock_class].used_in[context].insert({recursive_reader, strength}).second;
}

void ReferenceGraph::AddEnabled(int lock_class, Context context, bool shared) {
  changed_ |= classes_[lock_class].enabled[context].insert(shared).second;
}

std::vector<ReferenceCycle> ReferenceGraph::Judge() {
  std::vector<ReferenceCycle> found;
  if (!changed_) return found;
  changed_ = false;
  JudgeRealCycles(found);
  JudgeClosedPaths(Context::kHard, found);
  JudgeClosedPaths(Context::kSoft, found);
  std::stable_sort(found.begin(), found.end(),
                   [](const ReferenceCycle& a, const ReferenceCycle& b) {
                     return a.classes.size() < b.classes.size();
                   });
  return found;
}

ReferenceGraph::Edges ReferenceGraph::ImplicitEdges(Context context) const {
  Edges edges;
  const int class_count = static_cast<int>(classes_.size());
  for (int from = 0; from < class_count; ++from) {
    for (int to = 0; to < class_count; ++to) {
      const LockClass& enabled_class = classes_[from];
      const LockClass& used_class = classes_[to];
      // Paths neither begin nor end at a local_lock, but for those without an edge.
      if (from != to &&
          (enabled_class.kind == LockKind::kLocalLock || used_class.kind == LockKind::kLocalLock)) {
        continue;
      }
      const auto enabled = enabled_class.enabled.find(context);
      const auto used = used_class.used_in.find(context);
      if (enabled == enabled_class.enabled.end() || used == used_class.used_in.end()) continue;
      for (bool shared : enabled->second) {
        for (const auto& [recursive_reader, strength] : used->second) {
          edges[{from, to}].insert({shared, recursive_reader, strength, {}});
        }
      }
    }
  }
  return edges;
}

void ReferenceGraph::JudgeRealCycles(std::vector<ReferenceCycle>& found) {
  for (const std::vector<int>& classes : SimpleCycles(ArcsOf(edges_))) {
    std::vector<const Observations*> edges;
    for (size_t i = 0; i < classes.size(); ++i) edges.push_back(&edges_.at(ArcAt(classes, i)));
    JudgeCycle(classes, edges, "circular-dependency", found);
  }
}

void ReferenceGraph::JudgeClosedPaths(Context context, std::vector<ReferenceCycle>& found) {
  const Edges implicit_edges = ImplicitEdges(context);
  for (const auto& [arc, observations] : implicit_edges) {
    if (arc.first == arc.second) {
      JudgeCycle({arc.first}, {&observations}, "inconsistent-context", found);
    }
  }
  if (implicit_edges.empty()) return;
  ArcSet arcs = ArcsOf(edges_);
  arcs.merge(ArcsOf(implicit_edges));
  for (const std::vector<int>& classes : SimpleCycles(arcs)) {
    // Each place of the cycle in turn is the implicit edge, and all others are real.
    for (size_t closing = 0; closing < classes.size(); ++closing) {
      std::vector<const Observations*> edges;
      for (size_t i = 0; i < classes.size(); ++i) {
        const Edges& from = i == closing ? implicit_edges : edges_;
        const auto edge = from.find(ArcAt(classes, i));
        if (edge == from.end()) break;
        edges.push_back(&edge->second);
      }
      if (edges.size() == classes.size()) JudgeCycle(classes, edges, "context-inversion", found);
    }
  }
}

// `blocking_id` is the verdict on a choice of blocking observations only.
void ReferenceGraph::JudgeCycle(const std::vector<int>& classes,
                                const std::vector<const Observations*>& edges,
                                const std::string& blocking_id,
                                std::vector<ReferenceCycle>& found) {
  ReferenceCycle cycle{.id = blocking_id, .classes = classes, .strengths = {}};
  Choice choice;
  if (!Choose(edges, true, choice)) {
    cycle.id = "resilient-cycle";
    choice.clear();
    if (!Choose(edges, false, choice)) return;
  }
  if (!given_.insert({cycle.id, classes}).second) return;
  for (const ReferenceObservation* observation : choice) {
    cycle.strengths.push_back(observation->strength);
  }
  found.push_back(std::move(cycle));
}

// Completes `choice` with one observation for each further edge: blocking ones only, or else any,
// but not resilient ones for all edges.
bool ReferenceGraph::Choose(const std::vector<const Observations*>& edges, bool blocking_only,
                            Choice& choice) const {
  if (choice.size() == edges.size()) {
    return std::any_of(choice.begin(), choice.end(), [](const ReferenceObservation* observation) {
      return observation->strength != Strength::kResilient;
    });
  }
  for (const ReferenceObservation& observation : *edges[choice.size()]) {
    if (blocking_only && observation.strength != Strength::kBlocking) continue;
    choice.push_back(&observation);
    if (Fits(choice, edges.size()) && Choose(edges, blocking_only, choice)) return true;
    choice.pop_back();
  }
  return false;
}

// Whether the newest member of `choice` breaks no rule with the others.
bool ReferenceGraph::Fits(const Choice& choice, size_t edge_count) const {
  const ReferenceObservation& newest = *choice.back();
  if (choice.size() >= 2 && !LeadsOn(*choice[choice.size() - 2], newest)) return false;
  if (choice.size() == edge_count && !LeadsOn(newest, *choice.front())) return false;
  for (size_t i = 0; i + 1 < choice.size(); ++i) {
    for (const auto& [guard, exclusive] : newest.guards) {
      const auto shared_guard = choice[i]->guards.find(guard);
      if (shared_guard == choice[i]->guards.end()) continue;
      const bool singleton = classes_[guard].locks.size() == 1;
      if (singleton && (exclusive || shared_guard->second)) return false;  // rule 2
    }
  }
  return true;
}

}  // namespace rqlockdep
