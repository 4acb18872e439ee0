// The naive dependency graph of the reference model: sections 2, 3 and 5 of docs/semantics.md.
//
// It keeps what was seen as plain sets and, when asked to judge, goes through every simple cycle of
// classes and every choice of observations. Nothing is searched cleverly and nothing is remembered
// but which findings have been given. For tests with few classes only.
#ifndef RQLOCKDEP_TESTS_REFERENCE_REFERENCE_GRAPH_H_
#define RQLOCKDEP_TESTS_REFERENCE_REFERENCE_GRAPH_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rqlockdep/acquisition.h"

namespace rqlockdep {

// What was seen of an edge H->N at one acquisition of N.
struct ReferenceObservation {
  bool held_shared = false;      // S rather than E
  bool asked_recursive = false;  // R rather than N
  Strength strength = Strength::kBlocking;
  std::map<int, bool> guards;  // the class of each guard, and whether it is held exclusively

  auto operator<=>(const ReferenceObservation&) const = default;
};

// A cycle, or a path closed by an implicit edge, that has been found possible.
struct ReferenceCycle {
  std::string id;
  std::vector<int> classes;  // begins with the smallest; each leads to the next
  std::vector<Strength>
      strengths;  // strengths[i]: classes[i] -> classes[i + 1], in one best choice
};

class ReferenceGraph {
 public:
  // The contexts that have a mask. A threaded hard context is a hard one here.
  enum class Context { kHard, kSoft };

  // The class of this name and subclass, made when it is first asked for.
  int ClassOf(const std::string& name, int subclass, LockKind kind);
  // "name", or "name/subclass".
  const std::string& ClassName(int lock_class) const { return classes_[lock_class].name; }

  LockKind KindOf(int lock_class) const { return classes_[lock_class].kind; }

  // What was seen. A class is a singleton until a second lock of it is asked for.
  void AddAskedFor(int lock_class, int lock);
  void AddObservation(int held_class, int asked_class, const ReferenceObservation& observation);
  void AddUsedIn(int lock_class, Context context, bool recursive_reader, Strength strength);
  void AddEnabled(int lock_class, Context context, bool shared);

  // Judges everything and returns what is possible now and has not been returned before, shortest
  // first. All that was added since the last call counts as having happened at once.
  std::vector<ReferenceCycle> Judge();

 private:
  struct LockClass {
    std::string name;
    LockKind kind = LockKind::kQspinlock;
    std::set<int> locks = {};  // that were asked for
    std::map<Context, std::set<std::pair<bool, Strength>>> used_in =
        {};                                          // recursive reader, strength
    std::map<Context, std::set<bool>> enabled = {};  // shared
  };
  using Observations = std::set<ReferenceObservation>;
  using Edges = std::map<std::pair<int, int>, Observations>;  // (from, to)
  using Choice = std::vector<const ReferenceObservation*>;    // one of each edge of a cycle

  Edges ImplicitEdges(Context context) const;
  void JudgeRealCycles(std::vector<ReferenceCycle>& found);
  void JudgeClosedPaths(Context context, std::vector<ReferenceCycle>& found);
  void JudgeCycle(const std::vector<int>& classes, const std::vector<const Observations*>& edges,
                  const std::string& blocking_id, std::vector<ReferenceCycle>& found);
  bool Choose(const std::vector<const Observations*>& edges, bool blocking_only,
              Choice& choice) const;
  bool Fits(const Choice& choice, size_t edge_count) const;

  std::vector<LockClass> classes_;
  std::map<std::string, int> class_by_name_;
  Edges edges_;
  std::set<std::pair<std::string, std::vector<int>>> given_;
  bool changed_ = false;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_REFERENCE_GRAPH_H_
