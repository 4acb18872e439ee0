// The strong components of the lock-order graph and a topological order of them, kept while the
// graph grows: whether a new edge can lie on a cycle is known without a search.
//
// Cycles are legal and stay (resilient locks, gated ones, readers), so there is no order of the
// classes themselves. Classes that lie on a common cycle form a component, and the components have
// an order:
//
//   Invariant. Of every edge either both ends are in one component, or the component of its `from`
//   comes before that of its `to`. Two classes are in one component if and only if each reaches the
//   other by edges, of whatever strength.
//
// So an edge lies on a cycle of edges if and only if both its ends are in one component, and such a
// cycle stays within that component.
//
// A new edge from -> to within a component, or along the order, changes nothing: nearly all do.
// Else whatever lies between the two in the order is looked at from both ends at once, forward from
// `to` and backward from `from`, the arcs nearest to the other end's last, until the two searches
// have passed each other (the two-way compatible search of Haeupler, Kavitha, Mathew, Sen, Tarjan,
// "Incremental Cycle Detection, Topological Ordering, and Strong Component Maintenance", 2012).
// component_order.cc proves that the invariant holds afterwards. Components only ever merge, for no
// edge is ever removed.
//
// Cost: O(sqrt(m) log n) an edge on average over any m edges without a cycle, mostly a comparison;
// an edge that merges components costs twice the arcs of the smaller side of what lies between.
// 32 bytes a class. Under the graph lock. Without memory for a search it says "may" of everything
// from then on, which costs time only.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_COMPONENT_ORDER_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_COMPONENT_ORDER_H_

#include <cstdint>
#include <span>

#include "validator/core/growing_array.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"
#include "validator/graph/ordered_list.h"

namespace rqlockdep {

class DependencyGraph;

class ComponentOrder {
 public:
  explicit ComponentOrder(const DependencyGraph& graph) : graph_(graph) {}
  ComponentOrder(const ComponentOrder&) = delete;
  ComponentOrder& operator=(const ComponentOrder&) = delete;

  // A new class without edges; classes come in the order of their ids. False without memory.
  bool AddClass(ClassId id);
  // A new edge, which is in the lists of its ends already.
  void AddEdge(ClassId from, ClassId to);
  // The edge from -> to has observations of these strengths (Edge::strengths).
  void AddStrengths(ClassId from, ClassId to, uint8_t strengths);

  // Whether a cycle of edges passes through both classes, or they are the same.
  bool SameComponent(ClassId a, ClassId b) const {
    return gave_up_ || ComponentOf(a) == ComponentOf(b);
  }
  // The strengths of all edges within the component of `id`.
  uint8_t StrengthsWithin(ClassId id) const {
    return gave_up_ ? UINT8_MAX : nodes_[ComponentOf(id)].strengths;
  }

  // For tests: false if the order contradicts an edge.
  bool IsConsistent() const;
  uint64_t arcs_looked_at() const { return arcs_looked_at_; }

 private:
  // On which side of a search a component was met.
  enum Side : uint8_t { kForward = 1, kBackward = 2, kOnRing = 4 };

  struct Node {
    ClassId parent;       // towards the component's root, which is its own
    ClassId next_member;  // round all classes of the component
    uint32_t size;        // of a root: how many classes
    uint8_t strengths;    // of a root: of the edges within
    uint8_t sides;        // of a root: while a search runs
  };
  // A component that a search has reached, and where it stands among its arcs.
  struct Visit {
    ClassId component;
    ClassId member;
    uint32_t edge;  // EdgeId, the next to look at
  };
  // An edge between two components.
  struct Arc {
    ClassId from;
    ClassId to;
    uint32_t edge;
  };
  // One of the two searches of the region between two components.
  struct Region {
    GrowingArray<Visit> visits;
    GrowingArray<Arc> arcs;  // between components in the region
    size_t current = 0;      // index of the visit to go on with
    bool done = false;
  };
  enum class Outcome : uint8_t { kOrdered, kCycle, kNoMemory };

  // The root of the component of `id`. O(log n): the larger component's root is always kept.
  ClassId ComponentOf(ClassId id) const {
    while (nodes_[id].parent != id) id = nodes_[id].parent;
    return id;
  }

  Visit Begin(ClassId component, Side side) const;
  bool NextArc(Visit& visit, Side side, Arc* arc);
  bool Reach(ClassId component, Side side, GrowingArray<Visit>& live, ClassId limit);
  Outcome StepForward(ClassId limit);
  Outcome StepBackward(ClassId limit);
  Outcome Search(ClassId from, ClassId to);
  void Reorder(ClassId from);
  void MergeRing(ClassId from, ClassId to);
  bool StepRegion(Region& region, Side side, ClassId limit);
  void FindRing(Region& region, Side side, ClassId start);
  void Unite(std::span<const ClassId> ring, ClassId root);
  void Forget(GrowingArray<ClassId>& reached);
  void GiveUp();

  const DependencyGraph& graph_;
  SegmentedVector<Node> nodes_;
  OrderedList order_;
  // The two-way search: heaps of the visits with arcs to look at, the smallest (forward) or
  // largest (backward) in front, and all components reached.
  GrowingArray<Visit> forward_live_;
  GrowingArray<Visit> backward_live_;
  GrowingArray<ClassId> forward_;
  GrowingArray<ClassId> backward_;
  Region forward_region_;
  Region backward_region_;
  GrowingArray<ClassId> scratch_;
  uint64_t arcs_looked_at_ = 0;
  ClassId last_class_ = kNoClass;
  bool gave_up_ = false;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_COMPONENT_ORDER_H_
