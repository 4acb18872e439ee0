// The lock-order graph: classes are its vertices, "while H was held, N was asked for" its edges.
//
// An edge is a set of observations (docs/semantics.md, section 2): which kind of hold, which kind
// of acquisition, what else was held. Beside them it keeps what a report needs: the threads that
// made it, some of the lock instances, and stacks.
//
// Vertices and edges are numbered and never removed; numbers lead to records that never move. The
// class graph models the Boost.Graph concepts through boost_graph.h.
//
// Threads: all calls under the graph lock, but Class() with an id that was published.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "rqlockdep/acquisition.h"
#include "validator/core/class_info.h"
#include "validator/core/ids.h"
#include "validator/core/key_map.h"
#include "validator/core/segmented_vector.h"
#include "validator/core/thread_state.h"
#include "validator/graph/component_order.h"
#include "validator/graph/context_reach.h"
#include "validator/graph/guard_set.h"

namespace rqlockdep {

using EdgeId = uint32_t;
using ObservationId = uint32_t;
inline constexpr EdgeId kNoEdge = 0;
inline constexpr ObservationId kNoObservation = 0;

// One lock taken or asked for, as an observation or a use remembers it for the report.
struct Witness {
  const void* held_instance = nullptr;
  const void* asked_instance = nullptr;
  ThreadId thread = kNoThread;
  StackId asked_stack = kNoStack;
  StackId held_site = kNoStack;   // the exact place where the held lock was taken (a short stack)
  StackId held_stack = kNoStack;  // the whole stack of that
  bool held_stack_is_exact = false;
  LockMode held_mode = LockMode::kExclusive;
  LockMode asked_mode = LockMode::kExclusive;
  Strength held_strength = Strength::kBlocking;
};

struct Observation {
  Witness witness;  // of the first time
  GuardSetId guards = kNoGuards;
  ObservationId next = kNoObservation;  // of the same edge
  ObservationId next_with_same_guards = kNoObservation;
  EdgeId edge = kNoEdge;
  bool held_shared = false;      // dependency type S, else E
  bool asked_recursive = false;  // dependency type R, else N
  Strength strength = Strength::kBlocking;
  bool dropped = false;  // another observation says more
};

struct Edge {
  ClassId from = kNoClass;  // held
  ClassId to = kNoClass;    // asked for
  EdgeId next_out = kNoEdge;
  EdgeId next_in = kNoEdge;
  ObservationId observations = kNoObservation;
  uint32_t threads = 0;    // list of ThreadLink, index + 1
  uint32_t instances = 0;  // list of InstanceLink, index + 1
  uint8_t strengths = 0;   // bit 1 << Strength of each observation
  uint8_t thread_count = 0;
  uint8_t instance_count = 0;
  uint16_t observation_count = 0;
};

// How locks of a class were used in, or left open to, an asynchronous context.
struct ContextUse {
  struct Kind {
    bool recursive = false;  // used in: R, else N
    Strength strength = Strength::kBlocking;
    bool seen = false;
    Witness witness;
  };
  static constexpr int kKinds = 6;  // {N, R} x {blocking, timed, resilient}
  Kind used_in[kKinds];
  struct Enabled {
    bool seen = false;
    Witness witness;
  };
  Enabled enabled[2];  // [0] held exclusively, [1] held shared
};

struct ClassNode {
  ClassInfo info;
  const void* first_instance = nullptr;
  bool singleton = true;          // only one instance was ever asked for
  bool gated_a_cycle = false;     // rule 2 dismissed something because of this class
  ClassId nest_class = kNoClass;  // under which nesting in this class was accepted
  EdgeId first_out = kNoEdge;
  EdgeId first_in = kNoEdge;
  uint32_t out_degree = 0;
  uint32_t in_degree = 0;
  ContextUse* use[kContextCount] = {};       // null until needed
  uint8_t used_in_bits[kContextCount] = {};  // bit UseIndex of what was seen
  uint8_t enabled_bits[kContextCount] = {};  // bit 0 exclusive, bit 1 shared
  ClassId next_used_in[kContextCount] = {};  // list of the classes used in the context
  ClassId next_enabled[kContextCount] = {};
};

// Index of a use among used_in: {N, R} x strength.
constexpr int UseIndex(bool recursive, Strength strength) {
  return (recursive ? 3 : 0) + static_cast<int>(strength);
}

// Paths neither begin nor end at a lock that no other thread ever waits for.
inline bool MayEndPath(const ClassNode& node) { return node.info.kind != LockKind::kLocalLock; }

class DependencyGraph {
 public:
  DependencyGraph() = default;
  DependencyGraph(const DependencyGraph&) = delete;
  DependencyGraph& operator=(const DependencyGraph&) = delete;

  // --- classes ---
  uint32_t class_count() const { return class_count_; }
  // Valid ids are 1 to class_count().
  ClassNode& Class(ClassId id) const { return classes_[id - 1]; }
  // Finds or makes the class; kNoClass without memory.
  ClassId GetClass(const ClassKey& key, LockKind kind, uint8_t subclass);

  // --- edges ---
  uint32_t edge_count() const { return edge_count_; }
  Edge& GetEdge(EdgeId id) const { return edges_[id - 1]; }
  EdgeId FindEdge(ClassId from, ClassId to) const;

  // Adds what `observation` says to the edge from -> to. Returns the id of the observation if it is
  // new to the edge, kNoObservation if the edge knew it already (or there is no memory).
  ObservationId AddObservation(ClassId from, ClassId to, const Observation& observation);
  Observation& GetObservation(ObservationId id) const { return observations_[id - 1]; }

  // Calls `visit(ObservationId)` for each observation that is not dropped and whose guards hold
  // `class_id`.
  template <typename Visitor>
  void ForEachGuardedBy(ClassId class_id, Visitor visit) const {
    guards_.ForEachWith(class_id, [&](GuardSetId set) {
      for (ObservationId id = first_with_guards_.Get(set, kNoObservation); id != kNoObservation;
           id = observations_[id - 1].next_with_same_guards) {
        if (!observations_[id - 1].dropped) visit(id);
      }
    });
  }

  GuardSets& guards() { return guards_; }
  const GuardSets& guards() const { return guards_; }

  // The threads that made an edge: at most kThreadsPerEdge of them, enough to give every edge of a
  // cycle of that length a thread of its own.
  static constexpr int kThreadsPerEdge = 64;
  size_t GetThreads(EdgeId edge, std::span<ThreadId> out) const;

  // A bounded sample of the pairs of instances (held, asked for) of an edge.
  struct InstancePair {
    const void* held = nullptr;
    const void* asked = nullptr;
  };
  static constexpr int kInstancesPerEdge = 8;
  size_t GetInstances(EdgeId edge, std::span<InstancePair> out) const;

  // --- contexts ---
  // Notes that locks of the class are used in context `k`; true if that is new.
  bool AddUsedIn(ClassId id, int k, bool recursive, Strength strength, const Witness& witness);
  // Notes that context `k` can interrupt a holder; true if that is new.
  bool AddEnabled(ClassId id, int k, bool shared, const Witness& witness);
  ClassId first_used_in(int k) const { return first_used_in_[k]; }
  ClassId first_enabled(int k) const { return first_enabled_[k]; }

  // --- what can lie on a cycle, or on a path that a context closes, without a search ---
  const ComponentOrder& components() const { return components_; }
  const ContextReach& context_reach() const { return context_reach_; }

 private:
  struct ThreadLink {
    ThreadId thread;
    uint32_t next;
  };
  struct InstanceLink {
    InstancePair pair;
    uint32_t next;
  };
  static constexpr int kObservationsPerEdge = 64;

  EdgeId GetOrAddEdge(ClassId from, ClassId to);
  void AddThread(Edge& edge, ThreadId thread);
  void AddInstances(Edge& edge, InstancePair pair);
  ObservationId MergeIntoFullEdge(Edge& edge, const Observation& observation);
  ContextUse* GetUse(ClassNode& node, int k);

  Arena arena_;
  GuardSets guards_;
  SegmentedVector<ClassNode> classes_;
  SegmentedVector<Edge> edges_;
  SegmentedVector<Observation> observations_;
  SegmentedVector<ThreadLink> thread_links_;
  SegmentedVector<InstanceLink> instance_links_;
  KeyMap class_by_key_;
  KeyMap version_by_name_;
  KeyMap edge_by_ends_;
  KeyMap first_with_guards_;
  ComponentOrder components_{*this};
  ContextReach context_reach_{*this};
  uint32_t class_count_ = 0;
  uint32_t edge_count_ = 0;
  uint32_t observation_count_ = 0;
  uint32_t thread_link_count_ = 0;
  uint32_t instance_link_count_ = 0;
  ClassId first_used_in_[kContextCount] = {};
  ClassId first_enabled_[kContextCount] = {};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_
