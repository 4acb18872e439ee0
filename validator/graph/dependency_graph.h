// The lock-order graph: classes are its vertices, "while H was held, N was asked for" its edges.
//
// An edge is a set of observations (docs/semantics.md, section 2): which kind of hold, which kind
// of acquisition, what else was held. Beside them it keeps what a report needs: the threads that
// made it, some of the lock instances, and stacks.
//
// Vertices and edges are numbered and never removed; numbers lead to records that never move. The
// class graph models the Boost.Graph concepts through boost_graph.h.
//
// Threads: all calls under the graph lock, but Class() with an id that was published, and what that
// says is for it.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rqlockdep/acquisition.h"
#include "validator/core/class_info.h"
#include "validator/core/id_table.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"
#include "validator/core/thread_state.h"
#include "validator/graph/component_order.h"
#include "validator/graph/context_reach.h"
#include "validator/graph/guard_set.h"
#include "validator/graph/observation.h"

namespace rqlockdep {

using EdgeId = uint32_t;
inline constexpr EdgeId kNoEdge = 0;

// 80 bytes, which hold all there is to an edge that was seen in one way only.
struct Edge {
  ClassId from = kNoClass;  // held
  ClassId to = kNoClass;    // asked for
  EdgeId next_out = kNoEdge;
  EdgeId next_in = kNoEdge;
  ObservationId observations = kNoObservation;  // those that count, the newest first
  uint32_t more_sightings = 0;                  // by other threads, of other instances; index + 1
  uint8_t strengths = 0;                        // bit 1 << Strength of each observation
  uint8_t observation_count = 0;
  Observation first;  // the first ever, dropped or not
};
static_assert(sizeof(Edge) == 80);

// How locks of a class were used in an asynchronous context.
struct ContextUse {
  struct Kind {
    bool recursive = false;  // used in: R, else N
    Strength strength = Strength::kBlocking;
    bool seen = false;
    Witness witness;
  };
  static constexpr int kKinds = 6;  // {N, R} x {blocking, timed, resilient}
  Kind used_in[kKinds];
};

struct ClassNode {
  ClassInfo info;
  const void* first_instance = nullptr;
  ContextUse* uses = nullptr;                // kContextCount of them; null until needed
  ClassId next_used_in[kContextCount] = {};  // list of the classes used in the context
  ClassId nest_class = kNoClass;             // under which nesting in this class was accepted
  EdgeId first_out = kNoEdge;
  EdgeId first_in = kNoEdge;
  uint32_t enabled_witnesses = 0;                         // list of EnabledWitness, index + 1
  uint8_t used_in_bits[kContextCount] = {};               // bit UseIndex of what was seen
  std::atomic<uint8_t> enabled_bits[kContextCount] = {};  // EnabledBit of what was seen
  bool singleton = true;                                  // only one instance was ever asked for
  bool gated_a_cycle = false;  // rule 2 dismissed something because of this class

  static constexpr uint8_t EnabledBit(bool shared) { return shared ? 2 : 1; }
  // Whether context `k` could interrupt a holder, of that mode or of any. Also without the graph
  // lock, of a class whose id was published. Relaxed: what is set stays set, and leads to nothing.
  bool IsEnabled(int k, bool shared) const {
    return (enabled_bits[k].load(std::memory_order_relaxed) & EnabledBit(shared)) != 0;
  }
  bool IsEnabled(int k) const { return enabled_bits[k].load(std::memory_order_relaxed) != 0; }
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
  // The first observation of an edge lies within it: it has an even id, the others odd ones.
  Observation& GetObservation(ObservationId id) const {
    return id % 2 == 0 ? GetEdge(id / 2).first : later_[id / 2].observation;
  }
  EdgeId EdgeOf(ObservationId id) const { return id % 2 == 0 ? id / 2 : later_[id / 2].edge; }

  // Calls `visit(ObservationId)` for each observation that is not dropped and whose guards hold
  // `class_id`.
  template <typename Visitor>
  void ForEachGuardedBy(ClassId class_id, Visitor visit) const {
    const auto visit_list = [&](ObservationId first) {
      for (ObservationId id = first; id != kNoObservation;
           id = GetObservation(id).next_with_same_guards) {
        if (!GetObservation(id).dropped()) visit(id);
      }
    };
    visit_list(first_with_guard_[class_id]);
    guards_.ForEachWith(class_id, [&](GuardSetId set) {
      if (set < set_end_) visit_list(first_with_set_[set]);
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
  // How the class is used in `k`, if it is in that list.
  const ContextUse& UseIn(ClassId id, int k) const { return Class(id).uses[k]; }
  // Who held a lock of the class so when context `k` could interrupt; AddEnabled has said that.
  Witness WitnessOfEnabled(ClassId id, int k, bool shared) const;
  // Calls `visit(ClassId)` for every class that is enabled for `k`. Most are for both contexts, so
  // there is no list.
  template <typename Visitor>
  void ForEachEnabled(int k, Visitor visit) const {
    for (ClassId id = 1; id <= class_count_; ++id) {
      if (Class(id).IsEnabled(k)) visit(id);
    }
  }

  // --- what can lie on a cycle, or on a path that a context closes, without a search ---
  const ComponentOrder& components() const { return components_; }
  const ContextReach& context_reach() const { return context_reach_; }

 private:
  // The second observation of an edge, and those after it.
  struct LaterObservation {
    Observation observation;
    EdgeId edge;
  };
  // Threads and instances beside those of the edge's first observation.
  struct Sightings {
    uint32_t threads;    // list of ThreadLink, index + 1
    uint32_t instances;  // list of InstanceLink, index + 1
    uint32_t thread_count;
    uint32_t instance_count;
  };
  struct ThreadLink {
    ThreadId thread;
    uint32_t next;
  };
  struct InstanceLink {
    InstancePair pair;
    uint32_t next;
  };
  static constexpr int kObservationsPerEdge = 64;

  // That a class was found open to contexts: to one, or to both at once.
  struct EnabledWitness {
    const void* instance;
    ThreadId thread;
    StackId site;
    StackId stack;
    uint32_t next;
    bool stack_is_exact;
    LockMode mode;
    Strength strength;
    uint8_t serves;  // bit 2 * context + shared
  };
  static constexpr uint8_t ServesBit(int k, bool shared) {
    return static_cast<uint8_t>(1U << (2 * k + (shared ? 1 : 0)));
  }

  EdgeId GetOrAddEdge(ClassId from, ClassId to);
  ObservationId Store(EdgeId edge_id, const Observation& observation);
  void NoteGuards(ObservationId id);
  // Null without memory.
  Sightings* MoreSightings(Edge& edge);
  void AddThread(Edge& edge, ThreadId thread);
  void AddInstances(Edge& edge, InstancePair pair);
  ObservationId MergeIntoFullEdge(EdgeId edge_id, const Observation& observation);

  Arena arena_;
  GuardSets guards_;
  SegmentedVector<ClassNode> classes_;
  SegmentedVector<Edge> edges_;
  SegmentedVector<LaterObservation> later_;
  SegmentedVector<Sightings> sightings_;
  SegmentedVector<ThreadLink> thread_links_;
  SegmentedVector<InstanceLink> instance_links_;
  SegmentedVector<EnabledWitness> enabled_witnesses_;
  IdTable class_by_key_;
  IdTable class_by_name_;  // the last of each name
  IdTable edge_by_ends_;
  SegmentedVector<ObservationId> first_with_guard_;  // of the sets of one guard, by its class
  SegmentedVector<ObservationId> first_with_set_;    // of the other sets
  ComponentOrder components_{*this};
  ContextReach context_reach_{*this};
  uint32_t class_count_ = 0;
  uint32_t edge_count_ = 0;
  uint32_t later_count_ = 0;
  GuardSetId set_end_ = 0;  // of first_with_set_
  uint32_t sightings_count_ = 0;
  uint32_t thread_link_count_ = 0;
  uint32_t instance_link_count_ = 0;
  ClassId first_used_in_[kContextCount] = {};
  uint32_t enabled_witness_count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_DEPENDENCY_GRAPH_H_
