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
  return a.held_shared == b.held_shared && a.asked_recursive == b.asked_recursive &&
         a.strength == b.strength;
}

}  // namespace

ClassId DependencyGraph::GetClass(const ClassKey& key, LockKind kind, uint8_t subclass) {
  const uint64_t packed = PackClassKey(key, kind, subclass);
  const ClassId known = class_by_key_.Get(packed, kNoClass);
  if (known != kNoClass) return known;
  const uint64_t name = HashName(key, kind, subclass);
  const uint32_t version = version_by_name_.Get(name, 0) + 1;
  if (!classes_.EnsureSize(class_count_ + 1) || !components_.AddClass(class_count_ + 1) ||
      !context_reach_.AddClass(class_count_ + 1) || !class_by_key_.Set(packed, class_count_ + 1)) {
    return kNoClass;
  }
  version_by_name_.Set(name, version);
  ClassNode& node = classes_[class_count_];
  ++class_count_;
  node.info = {class_count_, kind, subclass, version, key};
  return class_count_;
}

EdgeId DependencyGraph::FindEdge(ClassId from, ClassId to) const {
  return edge_by_ends_.Get(PackEnds(from, to), kNoEdge);
}

EdgeId DependencyGraph::GetOrAddEdge(ClassId from, ClassId to) {
  const EdgeId known = FindEdge(from, to);
  if (known != kNoEdge) return known;
  if (!edges_.EnsureSize(edge_count_ + 1) ||
      !edge_by_ends_.Set(PackEnds(from, to), edge_count_ + 1)) {
    return kNoEdge;
  }
  Edge& edge = edges_[edge_count_];
  const EdgeId id = ++edge_count_;
  edge.from = from;
  edge.to = to;
  ClassNode& source = Class(from);
  ClassNode& target = Class(to);
  edge.next_out = source.first_out;
  source.first_out = id;
  ++source.out_degree;
  edge.next_in = target.first_in;
  target.first_in = id;
  ++target.in_degree;
  components_.AddEdge(from, to);
  context_reach_.AddEdge(from, to);
  return id;
}

ObservationId DependencyGraph::AddObservation(ClassId from, ClassId to,
                                              const Observation& observation) {
  const EdgeId edge_id = GetOrAddEdge(from, to);
  if (edge_id == kNoEdge) return kNoObservation;
  Edge& edge = GetEdge(edge_id);
  AddThread(edge, observation.witness.thread);
  AddInstances(edge, {observation.witness.held_instance, observation.witness.asked_instance});
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
      known.dropped = true;
      *link = known.next;
      --edge.observation_count;
    } else {
      link = &known.next;
    }
  }
  if (edge.observation_count >= kObservationsPerEdge) return MergeIntoFullEdge(edge, observation);
  if (!observations_.EnsureSize(observation_count_ + 1)) return kNoObservation;
  Observation& added = observations_[observation_count_];
  const ObservationId id = ++observation_count_;
  added = observation;
  added.edge = edge_id;
  added.dropped = false;
  added.next = edge.observations;
  edge.observations = id;
  ++edge.observation_count;
  edge.strengths |= static_cast<uint8_t>(1U << static_cast<int>(observation.strength));
  components_.AddStrengths(from, to, edge.strengths);
  if (added.guards != kNoGuards) {
    added.next_with_same_guards = first_with_guards_.Get(added.guards, kNoObservation);
    if (!first_with_guards_.Set(added.guards, id)) added.next_with_same_guards = kNoObservation;
  }
  return id;
}

ObservationId DependencyGraph::MergeIntoFullEdge(Edge& edge, const Observation& observation) {
  // There are twelve kinds, so one of this many observations is of the new one's kind or the new
  // one is the first of its kind; then the oldest of another kind cannot be merged and the edge may
  // grow by one more: at most twelve over the limit.
  for (ObservationId id = edge.observations; id != kNoObservation; id = GetObservation(id).next) {
    Observation& known = GetObservation(id);
    if (!SameButForGuards(known, observation)) continue;
    Observation merged = known;
    merged.guards = guards_.Intersect(known.guards, observation.guards);
    if (merged.guards == known.guards) return kNoObservation;
    // Fewer guards: `known` and perhaps others are superfluous now, so there is room.
    return AddObservation(edge.from, edge.to, merged);
  }
  edge.observation_count = kObservationsPerEdge - 1;
  return AddObservation(edge.from, edge.to, observation);
}

void DependencyGraph::AddThread(Edge& edge, ThreadId thread) {
  for (uint32_t i = edge.threads; i != 0; i = thread_links_[i - 1].next) {
    if (thread_links_[i - 1].thread == thread) return;
  }
  if (edge.thread_count >= kThreadsPerEdge || !thread_links_.EnsureSize(thread_link_count_ + 1)) {
    return;
  }
  thread_links_[thread_link_count_] = {thread, edge.threads};
  edge.threads = ++thread_link_count_;
  ++edge.thread_count;
}

void DependencyGraph::AddInstances(Edge& edge, InstancePair pair) {
  for (uint32_t i = edge.instances; i != 0; i = instance_links_[i - 1].next) {
    const InstancePair& known = instance_links_[i - 1].pair;
    if (known.held == pair.held && known.asked == pair.asked) return;
  }
  if (edge.instance_count >= kInstancesPerEdge ||
      !instance_links_.EnsureSize(instance_link_count_ + 1)) {
    return;
  }
  instance_links_[instance_link_count_] = {pair, edge.instances};
  edge.instances = ++instance_link_count_;
  ++edge.instance_count;
}

size_t DependencyGraph::GetThreads(EdgeId edge, std::span<ThreadId> out) const {
  size_t count = 0;
  for (uint32_t i = GetEdge(edge).threads; i != 0 && count < out.size();
       i = thread_links_[i - 1].next) {
    out[count++] = thread_links_[i - 1].thread;
  }
  return count;
}

size_t DependencyGraph::GetInstances(EdgeId edge, std::span<InstancePair> out) const {
  size_t count = 0;
  for (uint32_t i = GetEdge(edge).instances; i != 0 && count < out.size();
       i = instance_links_[i - 1].next) {
    out[count++] = instance_links_[i - 1].pair;
  }
  return count;
}

ContextUse* DependencyGraph::GetUse(ClassNode& node, int k) {
  if (node.use[k] == nullptr) node.use[k] = arena_.New<ContextUse>();
  return node.use[k];
}

bool DependencyGraph::AddUsedIn(ClassId id, int k, bool recursive, Strength strength,
                                const Witness& witness) {
  ClassNode& node = Class(id);
  const int index = UseIndex(recursive, strength);
  const auto bit = static_cast<uint8_t>(1U << index);
  if ((node.used_in_bits[k] & bit) != 0) return false;
  ContextUse* use = GetUse(node, k);
  if (use == nullptr) return false;
  if (node.used_in_bits[k] == 0) {
    node.next_used_in[k] = first_used_in_[k];
    first_used_in_[k] = id;
    if (MayEndPath(node)) context_reach_.AddUsedIn(id, k);
  }
  node.used_in_bits[k] |= bit;
  use->used_in[index] = {recursive, strength, /*seen=*/true, witness};
  return true;
}

bool DependencyGraph::AddEnabled(ClassId id, int k, bool shared, const Witness& witness) {
  ClassNode& node = Class(id);
  const auto bit = static_cast<uint8_t>(shared ? 2 : 1);
  if ((node.enabled_bits[k] & bit) != 0) return false;
  ContextUse* use = GetUse(node, k);
  if (use == nullptr) return false;
  if (node.enabled_bits[k] == 0) {
    node.next_enabled[k] = first_enabled_[k];
    first_enabled_[k] = id;
    if (MayEndPath(node)) context_reach_.AddEnabled(id, k);
  }
  node.enabled_bits[k] |= bit;
  use->enabled[shared ? 1 : 0] = {/*seen=*/true, witness};
  return true;
}

}  // namespace rqlockdep
