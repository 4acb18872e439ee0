// The reference model: docs/semantics.md sections 1 to 8 and the default outcomes of
// docs/trace-format.md, as literally as a program can say them.
//
// The real validator is compared with it on random traces. It is slow on purpose: sets, maps and
// full recomputation, no caches. A trace of 60 events over 6 locks takes a millisecond or few; the
// time can grow with the factorial of the classes.
//
// It differs from the validator where the page leaves freedom. The validator reports at most one
// new class sequence per search; the model gives every sequence that is possible when judged. So:
// - the sets of ids are equal;
// - what the validator reports at an event, the model has given at this event or an earlier one;
// - if the model gives cycles with an id at an event, the validator reports one with this id there.
#ifndef RQLOCKDEP_TESTS_REFERENCE_REFERENCE_MODEL_H_
#define RQLOCKDEP_TESTS_REFERENCE_REFERENCE_MODEL_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_graph.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"

namespace rqlockdep {

struct ReferenceFinding {
  std::string id;
  size_t event = 0;  // index into Trace::events
  int thread = -1;   // index into Trace::threads: whose event it was
  // Of cycles and closed paths, else empty. A class is "name" or "name/subclass". The sequence
  // begins with the class that was asked for first in the trace; each leads to the next and the
  // last to the first.
  std::vector<std::string> classes = {};
  std::vector<Strength> strengths = {};  // strengths[i] is that of classes[i] -> classes[i + 1]
  bool self_deadlock = false;            // recursive-locking: of the very same lock
  std::string asked_class = {};          // of invalid-wait-context and of recursive-locking
  // Of live deadlocks, else empty: the waiting threads, each waiting for the next.
  std::vector<int> deadlocked_threads = {};
};

struct ReferenceResult {
  // Every occurrence, in the order of the events; cycles once for each id and class sequence.
  std::vector<ReferenceFinding> findings;
  // Set if an event was malformed given the state of the locks; the events before it counted.
  std::optional<TraceError> error;

  std::set<std::string> Ids() const;
};

struct ReferenceOptions {
  // Without it the model only tracks locks, threads and waits: what a generator of traces needs.
  // Findings are not complete then.
  bool judge_cycles = true;
};

// Whether no thread holds so many locks that the cycles among them are too many for the model.
bool IsSmallEnough(const Trace& trace);

ReferenceResult RunReference(const Trace& trace, const ReferenceOptions& options = {});

class ReferenceModel {
 public:
  // Uses the locks of `trace`, which must outlive the model, and the names of its threads in
  // messages. The events are given by Step.
  explicit ReferenceModel(const Trace& trace, const ReferenceOptions& options = {});

  // Does the next event. False if it is malformed; then the model must not be used further.
  bool Step(const TraceEvent& event);

  const ReferenceResult& result() const { return result_; }

  // For generators: the state of a thread and of a lock.
  struct HeldLock {
    int lock = -1;
    int lock_class = -1;
    LockMode mode = LockMode::kExclusive;
    int context = 0;  // the id of the context in which it was taken
  };
  bool IsWaiting(int thread) const { return FindThread(thread).wait.has_value(); }
  bool HasExited(int thread) const { return FindThread(thread).exited; }
  const std::vector<HeldLock>& Held(int thread) const { return FindThread(thread).held; }
  int CurrentContext(int thread) const { return FindThread(thread).contexts.back().id; }

 private:
  using MaskedContext = ReferenceGraph::Context;

  struct Context {
    int id = 0;  // no two contexts of a model have the same, except that each thread begins in 0
    std::optional<ContextKind> kind;  // none: the thread's own flow
    bool hard_masked_before = false;
    bool soft_masked_before = false;
    std::optional<int> failed_lock;  // the last acquire, release or downgrade was a failure to get
                                     // this resilient lock with locks held
  };
  struct WaitState {
    int lock = -1;
    int lock_class = -1;
    LockMode mode = LockMode::kExclusive;
    bool bounded = false;
    int since = 0;  // counts the waits
  };
  struct Thread {
    std::vector<HeldLock> held;            // oldest first
    std::vector<Context> contexts = {{}};  // innermost last
    bool hard_masked = false;
    bool soft_masked = false;
    bool exited = false;
    std::optional<WaitState> wait;
  };

  // An acquisition, as section 1 sees it.
  struct Ask {
    const TraceEvent& event;
    Thread& thread;
    LockKind kind;
    int lock_class;
    LockMode mode;
    Strength strength;
    bool is_try;
    bool holds_shared_only;
    // At most one of them. With the first three the thread waits for nobody.
    bool re_entry;
    bool resilient_aa;
    bool try_on_own;
    bool self_deadlock;
    bool waits_for_nobody() const { return re_entry || resilient_aa || try_on_own; }
  };

  const Thread& FindThread(int thread) const;
  LockKind KindOf(int lock) const { return trace_.locks[lock].kind; }
  int ClassOf(int lock, int subclass);
  ReferenceFinding& Report(const std::string& id, int thread);
  static bool Holds(const Thread& thread, int lock);
  static bool HoldsExclusively(const Thread& thread, int lock);

  // Section 1.
  void Acquire(const TraceEvent& event);
  Ask Classify(const TraceEvent& event);
  // What asking alone brings about, whatever becomes of it.
  void NoteAsked(const Ask& ask);
  // Whether it gets the lock, by the order of docs/trace-format.md; none: it waits.
  std::optional<bool> Outcome(const Ask& ask) const;
  void Wait(const Ask& ask);
  void Grant(int thread, int lock, int lock_class, LockMode mode);
  void Fail(int thread, int lock);
  // Section 2.
  void AddEdges(const Thread& thread, int asked_class, LockMode mode, Strength strength);
  // Section 4.
  void CheckRecursion(int thread, const TraceEvent& event, int asked_class, LockMode mode);
  bool NestExcuses(const Thread& thread, size_t held_index, int nest_lock, int asked_class);
  // Section 5.
  void AddUses(const Ask& ask);
  void EnableAsked(const Ask& ask);
  void Enter(const TraceEvent& event);
  void Leave(const TraceEvent& event);
  void SetMasks(Thread& thread, bool hard, bool soft);
  void EnableHeld(const Thread& thread, MaskedContext context);
  static bool IsMasked(const Thread& thread, MaskedContext context);
  // Section 6.
  int CurrentRank(const Thread& thread) const;
  // Section 7.
  void Release(const TraceEvent& event);
  void Downgrade(const TraceEvent& event);
  void InitOrDestroy(const TraceEvent& event);
  void Exit(const TraceEvent& event);
  // Section 8.
  std::set<int> WaitsFor(int thread, int lock, LockMode mode) const;
  void JudgeWait(int thread);
  void LetIn(int lock);
  void StopWaiting(int thread);

  const Trace& trace_;
  const ReferenceOptions options_;
  ReferenceResult result_;
  ReferenceGraph graph_;
  std::map<int, Thread> threads_;
  std::map<int, std::vector<int>> queues_;  // of each lock, the threads that wait, first come first
  std::map<int, int> nested_under_;         // a class: the class of the nest locks accepted for it
  size_t event_ = 0;
  int context_count_ = 0;
  int wait_count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_REFERENCE_MODEL_H_
