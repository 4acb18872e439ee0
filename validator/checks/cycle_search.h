// Searches the graph for possible cycles through what is new (docs/semantics.md, sections 3 and 5).
//
// A cycle is a sequence of different classes, each joined to the next by an observation, so that no
// neighbours break rule 1 and no two observations share a guard that keeps them apart (rule 2). A
// closed path is the same with exactly one implicit edge.
//
// The search is breadth first over paths, not over classes: whether a path may go on depends on how
// its last class was arrived at and on the guards so far. A search over classes alone misses
// cycles; one over paths can grow exponentially, hence `max_steps`. A backward walk over classes
// and strengths comes first, which marks from where the target can be reached at all.
//
// Nearly all new edges need no search: graph/component_order.h and graph/context_reach.h tell
// (CycleCheck asks them).
//
// Memory: scratch space from mmap, kept between searches. One thread at a time (the graph lock).
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_SEARCH_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/checks/dependency.h"
#include "validator/core/key_map.h"
#include "validator/core/segmented_vector.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

// What the best choice of observations of a cycle is made of, the worst for the program first.
enum class BestChoice : uint8_t { kBlockingOnly, kMixed, kResilientOnly, kNone };

class CycleSearch {
 public:
  enum class Aim : uint8_t {
    kBlocking,  // cycles with blocking observations only
    kMixed,     // cycles whose best choice has a bounded observation, but not resilient ones only
    kAny,       // any cycle by rule 1, whatever its guards and strengths
  };

  struct Query {
    Aim aim = Aim::kBlocking;
    // Where the cycle begins. All have one `from`, which is where it must end. An implicit one
    // without `from` may end at every class that its context can interrupt.
    std::span<const Dependency> firsts;
    // Look for closed paths: exactly one implicit edge in all. Else for cycles: none.
    bool closed_path = false;
    // Signatures of what was reported (or counted) before, which does not end the search.
    const KeyMap* known = nullptr;
    uint64_t known_salt = 0;
    size_t max_steps = 100000;
  };

  struct Result {
    std::span<const Dependency> cycle;  // empty: none; valid until the next search
    uint64_t signature = 0;
    bool out_of_steps = false;
  };

  explicit CycleSearch(DependencyGraph& graph) : graph_(graph) {}

  Result Find(const Query& query);

  // Judges a sequence of classes by all observations of its edges. `cycle` gives the classes.
  BestChoice Judge(std::span<const Dependency> cycle);

  // Identifies a cycle whatever its start, or a closed path.
  static uint64_t Signature(std::span<const Dependency> cycle, uint64_t salt);

  // True once any search ended at a cycle, with others perhaps behind it: what was dismissed then
  // is not known.
  bool ended_early() const { return ended_early_; }

  // What all searches so far have looked at: edges, steps, choices.
  uint64_t effort() const { return effort_; }

 private:
  static constexpr uint32_t kRoot = UINT32_MAX;

  struct Node {
    Dependency via;
    uint32_t parent;
    bool nonresilient;
    bool implicit_used;
  };

  // The bits of a mark: from this class the target can be reached, and on the way ...
  enum MarkState : uint8_t { kPlain = 0, kNonresilient = 1, kImplicit = 2, kMarkStates = 4 };

  void Mark(const Query& query);
  void MarkFrom(ClassId id, uint8_t state);
  void ClearMarks();
  bool CanComplete(ClassId at, bool nonresilient, bool implicit_used, const Query& query) const;

  // Adds a node for `step` after `parent` if the rules allow; completes the cycle if it ends there.
  void Extend(const Query& query, uint32_t parent, const Dependency& step);
  void ExtendFrom(const Query& query, uint32_t node);
  void ExtendByImplicit(const Query& query, uint32_t node);
  void TryCloseAnywhere(const Query& query, uint32_t node);
  bool Complete(const Query& query, uint32_t last);
  bool Conflicts(const Dependency& a, const Dependency& b);
  uint32_t FirstOf(uint32_t node) const;
  bool StrengthAllowed(Aim aim, Strength strength) const {
    return aim != Aim::kBlocking || strength == Strength::kBlocking;
  }

  struct Choice {
    std::span<const Dependency> classes;
    std::span<Dependency> chosen;
    int weakest_allowed;  // 0: blocking only; 1: anything, one not resilient; 2: anything
  };
  bool Choose(const Choice& choice, size_t position, bool nonresilient);
  bool TryChoose(const Choice& choice, size_t position, bool nonresilient,
                 const Dependency& candidate);

  DependencyGraph& graph_;
  ClassId within_ = kNoClass;  // marks stay within the component of this class
  SegmentedVector<Node> nodes_;
  SegmentedVector<uint8_t, 12> marks_;
  SegmentedVector<ClassId> marked_;
  SegmentedVector<uint64_t> mark_queue_;
  uint32_t node_count_ = 0;
  uint32_t marked_count_ = 0;
  uint32_t mark_queue_end_ = 0;
  size_t steps_ = 0;
  uint64_t effort_ = 0;
  bool out_of_memory_ = false;
  bool found_ = false;
  bool ended_early_ = false;
  Result result_;
  Arena cycle_memory_;
  std::span<Dependency> cycle_buffer_;
  std::span<Dependency> choice_buffer_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_SEARCH_H_
