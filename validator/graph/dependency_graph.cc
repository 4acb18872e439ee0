#include "validator/graph/dependency_graph.h"

#include <algorithm>

#include "validator/core/chain_key.h"

namespace rqlockdep {
namespace {

// The identity of a class in one number: user-space addresses have at most 57 bits. All locks of a
// class are of one kind; where memory of one lock became another, or two kinds share a LockClass,
// there are two classes. What does not fit is mixed in: as with chain keys, that two classes of a
// million share a number has a chance under 1e-7.
uint64_t PackClassKey(const ClassKey& key, LockKind kind, uint8_t subclass) {
  const uint64_t packed =
      (uint64_t{key.address} << 5) | (static_cast<uint64_t>(key.type) << 3) | subclass;
  return MixChain(MixChain(kEmptyChain, packed),
                  (uint64_t{key.module} << 8) | static_cast<uint64_t>(kind));
}

uint64_t HashName(const ClassKey& key, LockKind kind, uint8_t subclass) {
  uint64_t hash = MixChain(kEmptyChain, subclass);
  if (key.name == nullptr) return MixChain(hash, PackClassKey(key, kind, subclass));
  for (const char* c = key.name; *c != '\0'; ++c) hash = MixChain(hash, static_cast<uint8_t>(*c));
  return hash;
}

uint64_t PackEnds(ClassId from, ClassId to) { return (uint64_t{from} << 32) | to; }

bool SameButForGuards(const Observation& a, const Observation& b) {
  return a.held_shared() == b.held_shared() && a.asked_recursive() == b.asked_recursive() &&
         a.strength() == b.strength();
}

}  // namespace

ClassId DependencyGraph::GetClass(const ClassKey& key, LockKind kind, uint8_t subclass) {
  const auto packed_of = [&](ClassId id) {
    return PackClassKey(Class(id).info.key, Class(id).info.kind, Class(id).info.subclass);
  };
  const auto name_of = [&](ClassId id) {
    return HashName(Class(id).info.key, Class(id).info.kind, Class(id).info.subclass);
  };
  const uint64_t packed = PackClassKey(key, kind, subclass);
  const uint32_t* known =
      class_by_key_.Find(packed, [&](ClassId id) { return packed_of(id) == packed; });
  if (known != nullptr) return *known;
  const ClassId id = class_count_ + 1;
  if (!classes_.EnsureSize(id) || !components_.AddClass(id) || !context_reach_.AddClass(id) ||
      !first_with_guard_.EnsureSize(id + 1)) {
    return kNoClass;
  }
  ClassNode& node = Class(id);
  node.info.id = id;
  node.info.kind = kind;
  node.info.subclass = subclass;
  node.info.key = key;
  const uint64_t name = HashName(key, kind, subclass);
  uint32_t* same_name =
      class_by_name_.Find(name, [&](ClassId other) { return name_of(other) == name; });
  const uint32_t version = same_name == nullptr ? 1 : Class(*same_name).info.version + 1;
  if (!class_by_key_.Insert(packed, id, packed_of)) return kNoClass;
  node.info.version = version;
  if (same_name != nullptr) {
    *same_name = id;
  } else {
    class_by_name_.Insert(name, id, name_of);
  }
  return ++class_count_;
}

EdgeId DependencyGraph::FindEdge(ClassId from, ClassId to) const {
  const uint32_t* known = edge_by_ends_.Find(PackEnds(from, to), [&](EdgeId id) {
    const Edge& edge = GetEdge(id);
    return edge.from == from && edge.to == to;
  });
  return known == nullptr ? kNoEdge : *known;
}

EdgeId DependencyGraph::GetOrAddEdge(ClassId from, ClassId to) {
  const EdgeId known = FindEdge(from, to);
  // Half of the numbers: observations are twice as many.
  if (known != kNoEdge || edge_count_ == UINT32_MAX / 2) return known;
  const EdgeId id = edge_count_ + 1;
  if (!edges_.EnsureSize(id)) return kNoEdge;
  Edge& edge = GetEdge(id);
  edge.from = from;
  edge.to = to;
  const auto ends_of = [&](EdgeId other) {
    return PackEnds(GetEdge(other).from, GetEdge(other).to);
  };
  if (!edge_by_ends_.Insert(PackEnds(from, to), id, ends_of)) return kNoEdge;
  ++edge_count_;
  ClassNode& source = Class(from);
  ClassNode& target = Class(to);
  edge.next_out = source.first_out;
  source.first_out = id;
  edge.next_in = target.first_in;
  target.first_in = id;
  components_.AddEdge(from, to);
  context_reach_.AddEdge(from, to);
  return id;
}

ObservationId DependencyGraph::AddObservation(ClassId from, ClassId to,
                                              const Observation& observation) {
  const EdgeId edge_id = GetOrAddEdge(from, to);
  if (edge_id == kNoEdge) return kNoObservation;
  Edge& edge = GetEdge(edge_id);
  if (edge.strengths != 0) {
    const Witness witness = observation.witness();
    AddThread(edge, witness.thread);
    AddInstances(edge, {witness.held_instance, witness.asked_instance});
  }
  for (ObservationId id = edge.observations; id != kNoObservation; id = GetObservation(id).next) {
    const Observation& known = GetObservation(id);
    if (SameButForGuards(known, observation) &&
        guards_.Contains(observation.guards, known.guards)) {
      return kNoObservation;
    }
  }
  // What the new one makes superfluous goes.
  for (ObservationId* link = &edge.observations; *link != kNoObservation;) {
    Observation& known = GetObservation(*link);
    if (SameButForGuards(known, observation) &&
        guards_.Contains(known.guards, observation.guards)) {
      known.Drop();
      *link = known.next;
      --edge.observation_count;
    } else {
      link = &known.next;
    }
  }
  if (edge.observation_count >= kObservationsPerEdge) {
    return MergeIntoFullEdge(edge_id, observation);
  }
  return Store(edge_id, observation);
}

ObservationId DependencyGraph::Store(EdgeId edge_id, const Observation& observation) {
  Edge& edge = GetEdge(edge_id);
  ObservationId id = 2 * edge_id;
  if (edge.strengths != 0) {
    if (later_count_ == UINT32_MAX / 2 || !later_.EnsureSize(later_count_ + 1)) {
      return kNoObservation;
    }
    later_[later_count_].edge = edge_id;
    id = 2 * later_count_++ + 1;
  }
  Observation& added = GetObservation(id);
  added = observation;
  added.next = edge.observations;
  added.next_with_same_guards = kNoObservation;
  edge.observations = id;
  ++edge.observation_count;
  edge.strengths |= static_cast<uint8_t>(1U << static_cast<int>(observation.strength()));
  components_.AddStrengths(edge.from, edge.to, edge.strengths);
  NoteGuards(id);
  return id;
}

void DependencyGraph::NoteGuards(ObservationId id) {
  Observation& observation = GetObservation(id);
  const GuardSetId guards = observation.guards;
  if (guards == kNoGuards) return;
  ObservationId* first = nullptr;
  if (GuardSets::IsSingle(guards)) {
    first = &first_with_guard_[GuardSets::Single(guards).class_id()];
  } else {
    if (!first_with_set_.EnsureSize(guards + 1)) return;
    if (guards >= set_end_) set_end_ = guards + 1;
    first = &first_with_set_[guards];
  }
  observation.next_with_same_guards = *first;
  *first = id;
}

ObservationId DependencyGraph::MergeIntoFullEdge(EdgeId edge_id, const Observation& observation) {
  // There are twelve kinds, so one of this many observations is of the new one's kind or the new
  // one is the first of its kind; then the oldest of another kind cannot be merged and the edge
  // grows by one more: at most twelve over the limit.
  Edge& edge = GetEdge(edge_id);
  for (ObservationId id = edge.observations; id != kNoObservation; id = GetObservation(id).next) {
    const Observation& known = GetObservation(id);
    if (!SameButForGuards(known, observation)) continue;
    const GuardSetId both = guards_.Intersect(known.guards, observation.guards);
    if (both == known.guards) return kNoObservation;
    // Fewer guards: `known` and perhaps others are superfluous now, so there is room.
    return AddObservation(edge.from, edge.to, Observation(known.witness(), known.strength(), both));
  }
  return Store(edge_id, observation);
}

DependencyGraph::Sightings* DependencyGraph::MoreSightings(Edge& edge) {
  if (edge.more_sightings == 0) {
    if (!sightings_.EnsureSize(sightings_count_ + 1)) return nullptr;
    edge.more_sightings = ++sightings_count_;
  }
  return &sightings_[edge.more_sightings - 1];
}

void DependencyGraph::AddThread(Edge& edge, ThreadId thread) {
  if (edge.first.witness().thread == thread) return;
  Sightings* more = MoreSightings(edge);
  if (more == nullptr || more->thread_count + 1 >= kThreadsPerEdge) return;
  for (uint32_t i = more->threads; i != 0; i = thread_links_[i - 1].next) {
    if (thread_links_[i - 1].thread == thread) return;
  }
  if (!thread_links_.EnsureSize(thread_link_count_ + 1)) return;
  thread_links_[thread_link_count_] = {thread, more->threads};
  more->threads = ++thread_link_count_;
  ++more->thread_count;
}

void DependencyGraph::AddInstances(Edge& edge, InstancePair pair) {
  const Witness first = edge.first.witness();
  if (first.held_instance == pair.held && first.asked_instance == pair.asked) return;
  Sightings* more = MoreSightings(edge);
  if (more == nullptr || more->instance_count + 1 >= kInstancesPerEdge) return;
  for (uint32_t i = more->instances; i != 0; i = instance_links_[i - 1].next) {
    const InstancePair& known = instance_links_[i - 1].pair;
    if (known.held == pair.held && known.asked == pair.asked) return;
  }
  if (!instance_links_.EnsureSize(instance_link_count_ + 1)) return;
  instance_links_[instance_link_count_] = {pair, more->instances};
  more->instances = ++instance_link_count_;
  ++more->instance_count;
}

size_t DependencyGraph::GetThreads(EdgeId edge, std::span<ThreadId> out) const {
  size_t count = 0;
  if (!out.empty()) out[count++] = GetEdge(edge).first.witness().thread;
  const uint32_t more = GetEdge(edge).more_sightings;
  for (uint32_t i = more == 0 ? 0 : sightings_[more - 1].threads; i != 0 && count < out.size();
       i = thread_links_[i - 1].next) {
    out[count++] = thread_links_[i - 1].thread;
  }
  return count;
}

size_t DependencyGraph::GetInstances(EdgeId edge, std::span<InstancePair> out) const {
  size_t count = 0;
  const Witness first = GetEdge(edge).first.witness();
  if (!out.empty()) out[count++] = {first.held_instance, first.asked_instance};
  const uint32_t more = GetEdge(edge).more_sightings;
  for (uint32_t i = more == 0 ? 0 : sightings_[more - 1].instances; i != 0 && count < out.size();
       i = instance_links_[i - 1].next) {
    out[count++] = instance_links_[i - 1].pair;
  }
  return count;
}

bool DependencyGraph::AddUsedIn(ClassId id, int k, bool recursive, Strength strength,
                                const Witness& witness) {
  ClassNode& node = Class(id);
  const int index = UseIndex(recursive, strength);
  const auto bit = static_cast<uint8_t>(1U << index);
  if ((node.used_in_bits[k] & bit) != 0) return false;
  if (node.uses == nullptr) node.uses = arena_.NewArray<ContextUse>(kContextCount).data();
  if (node.uses == nullptr) return false;
  if (node.used_in_bits[k] == 0) {
    node.next_used_in[k] = first_used_in_[k];
    first_used_in_[k] = id;
    if (MayEndPath(node)) context_reach_.AddUsedIn(id, k);
  }
  node.used_in_bits[k] |= bit;
  node.uses[k].used_in[index] = {recursive, strength, /*seen=*/true, witness};
  return true;
}

bool DependencyGraph::AddEnabled(ClassId id, int k, bool shared, const Witness& witness) {
  ClassNode& node = Class(id);
  if (node.IsEnabled(k, shared)) return false;
  const EnabledWitness record = {
      witness.held_instance, witness.thread,         witness.held_site,
      witness.held_stack,    node.enabled_witnesses, witness.held_stack_is_exact,
      witness.held_mode,     witness.held_strength,  ServesBit(k, shared)};
  // An acquisition is open to both contexts, as a rule.
  EnabledWitness* last =
      node.enabled_witnesses == 0 ? nullptr : &enabled_witnesses_[node.enabled_witnesses - 1];
  if (last != nullptr && last->instance == record.instance && last->thread == record.thread &&
      last->site == record.site && last->stack == record.stack && last->mode == record.mode &&
      last->strength == record.strength && last->stack_is_exact == record.stack_is_exact) {
    last->serves |= record.serves;
  } else {
    if (!enabled_witnesses_.EnsureSize(enabled_witness_count_ + 1)) return false;
    enabled_witnesses_[enabled_witness_count_] = record;
    node.enabled_witnesses = ++enabled_witness_count_;
  }
  if (!node.IsEnabled(k) && MayEndPath(node)) context_reach_.AddEnabled(id, k);
  // Relaxed: see IsEnabled.
  node.enabled_bits[k].fetch_or(ClassNode::EnabledBit(shared), std::memory_order_relaxed);
  return true;
}

Witness DependencyGraph::WitnessOfEnabled(ClassId id, int k, bool shared) const {
  Witness witness;
  for (uint32_t i = Class(id).enabled_witnesses; i != 0; i = enabled_witnesses_[i - 1].next) {
    const EnabledWitness& record = enabled_witnesses_[i - 1];
    if ((record.serves & ServesBit(k, shared)) == 0) continue;
    witness.held_instance = witness.asked_instance = record.instance;
    witness.thread = record.thread;
    witness.held_site = record.site;
    witness.held_stack = record.stack;
    witness.held_stack_is_exact = record.stack_is_exact;
    witness.held_mode = record.mode;
    witness.held_strength = record.strength;
  }
  return witness;
}

}  // namespace rqlockdep
