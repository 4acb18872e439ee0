// Which classes can lie on a path that an asynchronous context closes (docs/semantics.md, section
// 5), as far as the edges tell, whatever their strengths: a path A => B with A used in context k
// and B enabled for it, in which a class comes after such an A and before such a B.
//
// Both are sets that only grow, along the edges: a class joins each of them once, and then its
// neighbours do. So keeping them costs O(1) an edge on average, and most programs, which take few
// locks in handlers, are spared nearly all searches for such paths.
//
// 1 byte a class. Under the graph lock. Without memory it says "may" of everything from then on.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_CONTEXT_REACH_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_CONTEXT_REACH_H_

#include <cstdint>

#include "validator/core/growing_array.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

class DependencyGraph;

class ContextReach {
 public:
  explicit ContextReach(const DependencyGraph& graph) : graph_(graph) {}
  ContextReach(const ContextReach&) = delete;
  ContextReach& operator=(const ContextReach&) = delete;

  // A new class. False without memory.
  bool AddClass(ClassId id) { return reach_.EnsureSize(id + 1); }
  // A new edge, which is in the lists of its ends already.
  void AddEdge(ClassId from, ClassId to);
  // The class, at which paths may begin and end, is used in context `k`, or enabled for it.
  void AddUsedIn(ClassId id, int k) { Spread(id, Used(k)); }
  void AddEnabled(ClassId id, int k) { Spread(id, Enabled(k)); }

  // Whether a class that is used in `k` leads to this one, or it is one itself.
  bool AfterUsedIn(ClassId id, int k) const { return gave_up_ || (reach_[id] & Used(k)) != 0; }
  // Whether this class leads to one that is enabled for `k`, or is one.
  bool BeforeEnabled(ClassId id, int k) const { return gave_up_ || (reach_[id] & Enabled(k)) != 0; }

 private:
  static constexpr uint8_t Used(int k) { return static_cast<uint8_t>(1U << k); }
  static constexpr uint8_t Enabled(int k) { return static_cast<uint8_t>(0x10U << k); }
  static constexpr uint8_t kForwardBits = 0x0f;

  // Adds one bit, and carries it on along (Used) or against (Enabled) the edges.
  void Spread(ClassId id, uint8_t bit);

  const DependencyGraph& graph_;
  SegmentedVector<uint8_t, 12> reach_;
  GrowingArray<ClassId> to_do_;
  bool gave_up_ = false;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_CONTEXT_REACH_H_
