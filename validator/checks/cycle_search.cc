#include "validator/checks/cycle_search.h"

#include <algorithm>

#include "validator/core/chain_key.h"

namespace rqlockdep {
namespace {

bool HasStrength(const Edge& edge, Strength strength) {
  return (edge.strengths & (1U << static_cast<int>(strength))) != 0;
}

Dependency Implicit(ClassId from, bool from_shared, ClassId to, const ContextUse::Kind& use,
                    int k) {
  Dependency dependency;
  dependency.from = from;
  dependency.to = to;
  dependency.from_shared = from_shared;
  dependency.to_recursive = use.recursive;
  dependency.strength = use.strength;
  dependency.implicit = true;
  dependency.context = static_cast<uint8_t>(k);
  return dependency;
}

}  // namespace

uint64_t CycleSearch::Signature(std::span<const Dependency> cycle, uint64_t salt) {
  // Whatever its start, and whichever edge is the implicit one.
  size_t start = 0;
  for (size_t i = 0; i < cycle.size(); ++i) {
    if (cycle[i].from < cycle[start].from) start = i;
  }
  uint64_t signature = MixChain(kEmptyChain, salt);
  for (size_t i = 0; i < cycle.size(); ++i) {
    signature = MixChain(signature, cycle[(start + i) % cycle.size()].from);
  }
  return signature;
}

CycleSearch::Result CycleSearch::Find(const Query& query) {
  result_ = {};
  node_count_ = 0;
  steps_ = 0;
  found_ = false;
  out_of_memory_ = false;
  if (query.firsts.empty()) return result_;
  Mark(query);
  if (out_of_memory_) {
    // Without all marks there is nowhere to go; with some, too few.
    ClearMarks();
    ended_early_ = true;
    return result_;
  }
  for (const Dependency& first : query.firsts) {
    if (found_) break;
    if (!StrengthAllowed(query.aim, first.strength)) continue;
    Extend(query, kRoot, first);
  }
  for (uint32_t i = 0; i < node_count_ && !found_; ++i) {
    if (steps_ > query.max_steps) {
      result_.out_of_steps = true;
      break;
    }
    ExtendFrom(query, i);
  }
  ClearMarks();
  if (found_ || result_.out_of_steps || out_of_memory_) ended_early_ = true;
  return result_;
}

// --- The backward walk ---------------------------------------------------------------------------

void CycleSearch::MarkFrom(ClassId id, uint8_t state) {
  // A cycle of edges stays within one component.
  if (within_ != kNoClass && !graph_.components().SameComponent(id, within_)) return;
  uint8_t& mark = marks_[id];
  const auto bit = static_cast<uint8_t>(1U << state);
  if ((mark & bit) != 0) return;
  if (!mark_queue_.EnsureSize(mark_queue_end_ + 1) || !marked_.EnsureSize(marked_count_ + 1)) {
    out_of_memory_ = true;
    return;
  }
  if (mark == 0) marked_[marked_count_++] = id;
  mark |= bit;
  mark_queue_[mark_queue_end_++] = (uint64_t{id} << 8) | state;
}

void CycleSearch::Mark(const Query& query) {
  mark_queue_end_ = 0;
  marked_count_ = 0;
  if (!marks_.EnsureSize(graph_.class_count() + 1)) {
    out_of_memory_ = true;
    return;
  }
  const Dependency& first = query.firsts.front();
  within_ = query.closed_path ? kNoClass : first.from;
  if (first.from != kNoClass) {
    MarkFrom(first.from, kPlain);
  } else {
    graph_.ForEachEnabled(first.context, [&](ClassId id) {
      if (MayEndPath(graph_.Class(id))) MarkFrom(id, kPlain);
    });
  }
  const bool implicit_wanted = query.closed_path && !first.implicit;
  // Every class used in a context is joined to the same classes: once is enough.
  bool joined[kContextCount][kMarkStates] = {};
  for (uint32_t i = 0; i < mark_queue_end_; ++i) {
    const auto id = static_cast<ClassId>(mark_queue_[i] >> 8);
    const auto state = static_cast<uint8_t>(mark_queue_[i] & 0xff);
    const ClassNode& node = graph_.Class(id);
    for (EdgeId e = node.first_in; e != kNoEdge; e = graph_.GetEdge(e).next_in) {
      ++effort_;
      const Edge& edge = graph_.GetEdge(e);
      if (HasStrength(edge, Strength::kBlocking) ||
          (query.aim != Aim::kBlocking && HasStrength(edge, Strength::kTimed))) {
        MarkFrom(edge.from, state | kNonresilient);
      }
      if (query.aim != Aim::kBlocking && HasStrength(edge, Strength::kResilient)) {
        MarkFrom(edge.from, state);
      }
    }
    if (!implicit_wanted || (state & kImplicit) != 0 || !MayEndPath(node)) continue;
    for (int k = 0; k < kContextCount; ++k) {
      if (node.used_in_bits[k] == 0 || joined[k][state]) continue;
      joined[k][state] = true;
      graph_.ForEachEnabled(k, [&](ClassId b) {
        if (!MayEndPath(graph_.Class(b))) return;
        // Of its strength the mark says too much rather than too little.
        MarkFrom(b, state | kImplicit | kNonresilient);
        if (query.aim != Aim::kBlocking) MarkFrom(b, state | kImplicit);
      });
    }
  }
}

void CycleSearch::ClearMarks() {
  for (uint32_t i = 0; i < marked_count_; ++i) marks_[marked_[i]] = 0;
  marked_count_ = 0;
}

bool CycleSearch::CanComplete(ClassId at, bool nonresilient, bool implicit_used,
                              const Query& query) const {
  const uint8_t mark = marks_[at];
  for (uint8_t state = 0; state < kMarkStates; ++state) {
    if ((mark & (1U << state)) == 0) continue;
    if (query.closed_path != (implicit_used || (state & kImplicit) != 0)) continue;
    if (implicit_used && (state & kImplicit) != 0) continue;
    if (query.aim == Aim::kMixed && !nonresilient && (state & kNonresilient) == 0) continue;
    return true;
  }
  return false;
}

// --- The forward search --------------------------------------------------------------------------

uint32_t CycleSearch::FirstOf(uint32_t node) const {
  while (nodes_[node].parent != kRoot) node = nodes_[node].parent;
  return node;
}

bool CycleSearch::Conflicts(const Dependency& a, const Dependency& b) {
  const GuardSpan one = graph_.guards().Get(a.guards);
  const GuardSpan other = graph_.guards().Get(b.guards);
  bool conflict = false;
  size_t i = 0;
  for (const Guard guard : one) {
    while (i < other.size() && other[i].class_id() < guard.class_id()) ++i;
    if (i == other.size()) break;
    if (other[i].class_id() != guard.class_id()) continue;
    if (!guard.exclusive() && !other[i].exclusive()) continue;
    ClassNode& node = graph_.Class(guard.class_id());
    if (!node.singleton) continue;
    node.gated_a_cycle = true;
    conflict = true;
  }
  return conflict;
}

void CycleSearch::Extend(const Query& query, uint32_t parent, const Dependency& step) {
  ++steps_;
  ++effort_;
  const bool implicit_used = step.implicit || (parent != kRoot && nodes_[parent].implicit_used);
  const bool nonresilient =
      step.strength != Strength::kResilient || (parent != kRoot && nodes_[parent].nonresilient);
  ClassId target = step.from;
  if (parent != kRoot) {
    if (!MayFollow(nodes_[parent].via, step)) return;
    const Node& first = nodes_[FirstOf(parent)];
    target = first.via.from;
    if (step.to != target) {
      // A cycle passes through no class twice.
      for (uint32_t i = parent; i != kRoot; i = nodes_[i].parent) {
        if (nodes_[i].via.to == step.to) return;
      }
    }
    if (query.aim != Aim::kAny) {
      for (uint32_t i = parent; i != kRoot; i = nodes_[i].parent) {
        if (Conflicts(nodes_[i].via, step)) return;
      }
    }
  }
  const bool ends_here = parent != kRoot && step.to == target;
  if (!ends_here && !CanComplete(step.to, nonresilient, implicit_used, query)) return;
  if (!nodes_.EnsureSize(node_count_ + 1)) {
    out_of_memory_ = true;
    return;
  }
  const uint32_t index = node_count_++;
  nodes_[index] = {step, parent, nonresilient, implicit_used};
  if (ends_here) {
    --node_count_;  // complete or not, it goes no further
    const Dependency& first = nodes_[FirstOf(parent)].via;
    if (implicit_used == query.closed_path && MayFollow(step, first)) Complete(query, index);
  } else if (target == kNoClass) {
    TryCloseAnywhere(query, index);
  }
}

void CycleSearch::TryCloseAnywhere(const Query& query, uint32_t node) {
  const uint32_t first = FirstOf(node);
  if (node == first) return;  // A = B is no path; the context check judges it
  const int k = nodes_[first].via.context;
  const ClassId at = nodes_[node].via.to;
  const ClassNode& end = graph_.Class(at);
  if (!MayEndPath(end)) return;
  for (const bool shared : {false, true}) {
    if (!end.IsEnabled(k, shared)) continue;
    if (nodes_[node].via.to_recursive && shared) continue;
    nodes_[first].via.from = at;
    nodes_[first].via.from_shared = shared;
    if (Complete(query, node)) return;
    nodes_[first].via.from = kNoClass;
  }
}

void CycleSearch::ExtendFrom(const Query& query, uint32_t node) {
  const ClassId at = nodes_[node].via.to;
  for (EdgeId e = graph_.Class(at).first_out; e != kNoEdge && !found_;
       e = graph_.GetEdge(e).next_out) {
    const Edge& edge = graph_.GetEdge(e);
    for (ObservationId id = edge.observations; id != kNoObservation && !found_;
         id = graph_.GetObservation(id).next) {
      const Dependency step = MakeDependency(graph_, id);
      if (StrengthAllowed(query.aim, step.strength)) Extend(query, node, step);
    }
  }
  if (query.closed_path && !nodes_[node].implicit_used) ExtendByImplicit(query, node);
}

void CycleSearch::ExtendByImplicit(const Query& query, uint32_t node) {
  const ClassId at = nodes_[node].via.to;
  const ClassNode& end = graph_.Class(at);
  if (!MayEndPath(end)) return;
  for (int k = 0; k < kContextCount; ++k) {
    if (!end.IsEnabled(k)) continue;
    for (ClassId a = graph_.first_used_in(k); a != kNoClass; a = graph_.Class(a).next_used_in[k]) {
      const ClassNode& start = graph_.Class(a);
      if (a == at || !MayEndPath(start)) continue;
      for (const ContextUse::Kind& use : graph_.UseIn(a, k).used_in) {
        if (!use.seen || !StrengthAllowed(query.aim, use.strength)) continue;
        for (const bool shared : {false, true}) {
          if (!end.IsEnabled(k, shared)) continue;
          if (found_) return;
          Extend(query, node, Implicit(at, shared, a, use, k));
        }
      }
    }
  }
}

bool CycleSearch::Complete(const Query& query, uint32_t last) {
  size_t length = 0;
  for (uint32_t i = last; i != kRoot; i = nodes_[i].parent) ++length;
  if (cycle_buffer_.size() < length) {
    cycle_buffer_ = cycle_memory_.NewArray<Dependency>(2 * length);
    choice_buffer_ = cycle_memory_.NewArray<Dependency>(2 * length);
    if (cycle_buffer_.empty() || choice_buffer_.empty()) {
      cycle_buffer_ = {};
      out_of_memory_ = true;
      return false;
    }
  }
  const std::span<Dependency> cycle = cycle_buffer_.first(length);
  size_t position = length;
  for (uint32_t i = last; i != kRoot; i = nodes_[i].parent) cycle[--position] = nodes_[i].via;
  const uint64_t signature = Signature(cycle, query.known_salt);
  if (query.known != nullptr && query.known->Contains(signature)) return false;
  if (query.aim == Aim::kMixed) {
    if (!nodes_[last].nonresilient) return false;
    // The search met a mixed choice; a blocking one would have been the other search's to report.
    const Choice blocking{cycle, choice_buffer_.first(length), 0};
    if (Choose(blocking, 0, false)) return false;
  }
  found_ = true;
  result_.cycle = cycle;
  result_.signature = signature;
  return true;
}

// --- All choices for one sequence ----------------------------------------------------------------

BestChoice CycleSearch::Judge(std::span<const Dependency> cycle) {
  if (choice_buffer_.size() < cycle.size()) {
    choice_buffer_ = cycle_memory_.NewArray<Dependency>(2 * cycle.size());
    if (choice_buffer_.empty()) return BestChoice::kNone;
  }
  const std::span<Dependency> chosen = choice_buffer_.first(cycle.size());
  if (Choose({cycle, chosen, 0}, 0, false)) return BestChoice::kBlockingOnly;
  if (Choose({cycle, chosen, 1}, 0, false)) return BestChoice::kMixed;
  if (Choose({cycle, chosen, 2}, 0, false)) return BestChoice::kResilientOnly;
  return BestChoice::kNone;
}

bool CycleSearch::TryChoose(const Choice& choice, size_t position, bool nonresilient,
                            const Dependency& candidate) {
  ++effort_;
  if (choice.weakest_allowed == 0 && candidate.strength != Strength::kBlocking) return false;
  if (position > 0 && !MayFollow(choice.chosen[position - 1], candidate)) return false;
  for (size_t i = 0; i < position; ++i) {
    if (Conflicts(choice.chosen[i], candidate)) return false;
  }
  choice.chosen[position] = candidate;
  return Choose(choice, position + 1, nonresilient || candidate.strength != Strength::kResilient);
}

bool CycleSearch::Choose(const Choice& choice, size_t position, bool nonresilient) {
  if (position == choice.classes.size()) {
    if (choice.weakest_allowed == 1 && !nonresilient) return false;
    return MayFollow(choice.chosen.back(), choice.chosen.front());
  }
  const Dependency& step = choice.classes[position];
  if (!step.implicit) {
    for (ObservationId id = graph_.GetEdge(step.edge).observations; id != kNoObservation;
         id = graph_.GetObservation(id).next) {
      if (TryChoose(choice, position, nonresilient, MakeDependency(graph_, id))) return true;
    }
    return false;
  }
  const ClassNode& from = graph_.Class(step.from);
  // The implicit edges of two contexts are two edges: the choice stays within one.
  const int k = step.context;
  for (const ContextUse::Kind& use : graph_.UseIn(step.to, k).used_in) {
    if (!use.seen) continue;
    for (const bool shared : {false, true}) {
      if (!from.IsEnabled(k, shared)) continue;
      const Dependency candidate = Implicit(step.from, shared, step.to, use, k);
      if (TryChoose(choice, position, nonresilient, candidate)) return true;
    }
  }
  return false;
}

}  // namespace rqlockdep
