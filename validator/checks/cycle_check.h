// Cycles in the lock order, and paths that an asynchronous context closes (docs/semantics.md,
// sections 3 and 5): from what is new in the graph to findings.
//
// Under the graph lock.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/checks/check_input.h"
#include "validator/checks/cycle_search.h"
#include "validator/checks/dependency.h"
#include "validator/core/scratch_buffer.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

class CycleCheck {
 public:
  // Lower bounds: a program with very many such cycles gets only so much counting (kCountEffort).
  struct Statistics {
    uint64_t intended = 0;  // cycles of resilient acquisitions only
    uint64_t gated = 0;     // cycles that a guard makes impossible
  };

  CycleCheck(DependencyGraph& graph, size_t max_steps) : search_(graph), max_steps_(max_steps) {}

  // What an event made new in the graph. Noted while the event is worked on, judged together at its
  // end, so that no verdict depends on the order in which one event's facts are entered.
  //
  // An edge has a new observation.
  void NoteObservation(ObservationId id) { Note({.what = New::kObservation, .id = id}); }
  // A class stopped being a singleton.
  void NoteSingletonLost(ClassId id) { Note({.what = New::kSingletonLost, .id = id}); }
  // A class is used in context `k` in a new way.
  void NoteUsedIn(ClassId id, int k, bool recursive, Strength strength) {
    Note({New::kUsedIn, id, k, recursive, strength});
  }
  // Context `k` can interrupt holders of a class in a new way.
  void NoteEnabled(ClassId id, int k, bool shared) { Note({New::kEnabled, id, k, shared}); }

  bool HasNews() const { return news_count_ > 0; }
  // Searches through everything noted since the last call, and reports.
  void JudgeNews(CheckInput& input);

  const Statistics& statistics() const { return statistics_; }

 private:
  struct New {
    enum What : uint8_t { kObservation, kSingletonLost, kUsedIn, kEnabled };
    What what = kObservation;
    uint32_t id = 0;  // of the observation or the class
    int k = 0;
    bool flag = false;  // used in: by a recursive reader; enabled: held shared
    Strength strength = Strength::kBlocking;
  };

  void Note(const New& news);
  void JudgeObservation(CheckInput& input, ObservationId id);
  void JudgeSingletonLost(CheckInput& input, ClassId id);
  void JudgeUsedIn(CheckInput& input, ClassId id, int k, bool recursive, Strength strength);
  void JudgeEnabled(CheckInput& input, ClassId id, int k, bool shared);
  void SearchBoth(CheckInput& input, std::span<const Dependency> firsts, bool closed_path);
  bool SearchOne(CheckInput& input, CycleSearch::Query query, FindingId id);
  void Count(CheckInput& input, CycleSearch::Query query);
  void CheckSameClass(CheckInput& input, ClassId id, int k);
  void Report(CheckInput& input, FindingId id, std::span<const Dependency> cycle);
  FindingEdge Describe(CheckInput& input, const Dependency& step);
  void NoteOutOfSteps(CheckInput& input);

  // In all, in the units of CycleSearch::effort(): about a second.
  static constexpr uint64_t kCountEffort = 20'000'000;

  CycleSearch search_;
  size_t max_steps_;
  uint64_t count_effort_ = 0;
  Statistics statistics_;
  KeyMap counted_;
  SegmentedVector<New> news_;
  uint32_t news_count_ = 0;
  ScratchBuffer<Dependency> firsts_;
  ScratchBuffer<ObservationId> affected_;
  bool warned_ = false;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_CYCLE_CHECK_H_
