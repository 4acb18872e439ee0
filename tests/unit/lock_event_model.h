// Which events can come next: what the threads of a sequence hold and wait for.
//
// It knows what hooks.h promises the validator (an acquisition that waits is told of it at once,
// the innermost wait ends first), and nothing of what the validator thinks of it. Exclusion between
// threads is not modelled: the validator does not depend on it.
#ifndef RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_MODEL_H_
#define RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/unit/lock_events.h"

namespace rqlockdep {

class LockEventModel {
 public:
  struct Hold {
    int lock = 0;
    uint8_t subclass = 0;
    bool exclusive = true;
    bool waiting = false;
    // The thread's own other holds keep it from ever getting this one.
    bool unobtainable = false;
    int context = 0;
  };
  struct Thread {
    std::vector<Hold> holds;          // oldest first
    std::vector<int> contexts = {0};  // numbers; the thread itself is number 0
    int contexts_made = 0;
    bool has_just_asked = false;  // for the newest hold, and knows not yet whether it waits

    bool IsInContext() const { return contexts.size() > 1; }
    bool IsHere(const Hold& hold) const { return hold.context == contexts.back(); }
    bool HoldsHere() const;
    // The index of the newest hold of the lock, or Event::kNone.
    int FindNewest(int lock) const;
    // That of the hold whose wait must end first. It may be of code that is interrupted.
    int InnermostWait() const;
    // Whether the current context waits; whatever else happens in it is done by handlers that
    // nobody declared.
    bool WaitsHere() const;
  };

  // `sequence` must stay where it is; its events are not looked at.
  explicit LockEventModel(const EventSequence& sequence)
      : sequence_(sequence), threads_(sequence.threads) {}

  bool Allows(const Event& event) const;
  // An event that is allowed happens.
  void Step(const Event& event);

  const Thread& thread(int index) const { return threads_[index]; }
  // A call site for an event of this thread. Findings are reported once for a place, so it is
  // another one for each sequence of classes held; and it is the same one whenever the validator
  // may take what is held for known, lest that one reports it again elsewhere.
  uintptr_t PlaceOf(int thread) const;

 private:
  void Push(Thread& thread, const Event& event);
  bool IsUnobtainable(const Thread& thread, const Event& event) const;

  const EventSequence& sequence_;
  std::vector<Thread> threads_;
};

// Whether readers share locks of this kind. Sections are always shared.
bool MayBeShared(LockKind kind);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_MODEL_H_
