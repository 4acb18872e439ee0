// What a check has found: plain data, complete in itself.
//
// A check puts everything it has to say into a Finding; text is made of it in validator/report
// only. All pointers lead to memory of the validator's arena, which lives as long as the validator:
// a finding may be kept. A finding is never written after it was handed to the sink.
#ifndef RQLOCKDEP_VALIDATOR_CORE_FINDING_H_
#define RQLOCKDEP_VALIDATOR_CORE_FINDING_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "rqlockdep/acquisition.h"
#include "validator/core/ids.h"

namespace rqlockdep {

struct ClassInfo;

// The ids of docs/semantics.md, section 9, in its order.
enum class FindingId : uint8_t {
  kCircularDependency,
  kResilientCycle,
  kRecursiveLocking,
  kNestLockNotHeld,
  kInconsistentContext,
  kContextInversion,
  kInvalidWaitContext,
  kUnbalancedRelease,
  kHeldLockDestroyed,
  kHeldAtExit,
  kNotUnwound,
  kDeadlock,
  kResilientDeadlock,
};
inline constexpr int kFindingIdCount = 13;

// The stable text of an id, such as "circular-dependency". Never null.
const char* ToString(FindingId id);

enum class Severity : uint8_t { kNote, kWarning, kError };
const char* ToString(Severity severity);

// How much the threads that were seen support a cycle. What was itself seen to happen (a release
// without a hold, say) is witnessed.
enum class Confidence : uint8_t {
  kFewThreads,    // fewer threads were seen than the cycle has edges
  kSingleThread,  // one thread made every edge
  kWitnessed,     // the edges can be given pairwise different threads that made them
};
const char* ToString(Confidence confidence);

// Where a lock was taken: return addresses, innermost first, ended by 0 or by the array's end. In a
// replay an address is the number of a line of the trace.
inline constexpr int kCallSiteDepth = 4;
struct CallSite {
  uintptr_t frames[kCallSiteDepth] = {};

  constexpr int depth() const {
    return (frames[0] != 0) + (frames[1] != 0) + (frames[2] != 0) + (frames[3] != 0);
  }
};

// A lock that a thread holds or waits for.
struct FindingLock {
  const ClassInfo* lock_class = nullptr;
  const void* instance = nullptr;  // the address of the lock
  LockMode mode = LockMode::kExclusive;
  Strength strength = Strength::kBlocking;
  bool waiting = false;        // asked for, not yet got
  bool this_context = true;    // taken in the context that the thread is in now
  CallSite site;               // where exactly it was taken
  StackId stack = kNoStack;    // the whole stack of the acquisition
  bool stack_is_exact = true;  // false: the stack is of the first time that the thread held these
                               // classes in this order, not of this acquisition
};

// One dependency of a cycle: while `held` was held, `asked` was asked for. An implicit one says
// instead: a holder of `held` can be interrupted by `context`, in which `asked` is asked for.
struct FindingEdge {
  FindingLock held;   // its stack tells where it was taken
  FindingLock asked;  // its stack tells where it was asked for
  ThreadId thread = kNoThread;
  bool implicit = false;
  ContextKind context = ContextKind::kHard;
};

// One thread of a deadlock that is happening.
struct FindingThread {
  ThreadId thread = kNoThread;
  FindingLock waits_for;
  std::span<const FindingLock> held;
  bool gives_way = false;  // the bounded waiter that ends it
};

// What made a release, a destroy and the like wrong.
enum class FindingDetail : uint8_t {
  kNone,
  kNotHeld,             // release of a lock that nobody, as far as known, holds
  kHeldByOther,         // release of a lock that another thread holds: `other_thread`
  kHeldOutsideContext,  // release of a lock that this thread took in another context
  kAcquisitionFailed,   // release after an acquisition that failed: `fail_reason`
  kDowngradeNotExclusive,
  kInit,         // the held lock was initialised again
  kDestroy,      // the held lock was destroyed
  kMemoryFreed,  // the memory of the held lock was freed
  kThreadExit,
  kContextLeave,
  kSelfDeadlock,  // recursive-locking: the very same instance
  kSameClass,     // recursive-locking: another instance of the class
};

struct Finding {
  FindingId id = FindingId::kCircularDependency;
  Severity severity = Severity::kError;
  Confidence confidence = Confidence::kWitnessed;
  FindingDetail detail = FindingDetail::kNone;
  uint32_t number = 0;  // counts the findings of this validator, from 1

  ThreadId thread = kNoThread;        // on whose behalf the check ran
  ThreadId other_thread = kNoThread;  // see FindingDetail
  FindingLock lock;   // what `thread` asks for, releases, destroys; its stack is the current one
  FindingLock other;  // recursion: the held one; nest-lock-not-held: the nest lock
  FailReason fail_reason = FailReason::kBusy;
  uint8_t rank_needed = 0;   // invalid-wait-context
  uint8_t rank_current = 0;  // invalid-wait-context

  std::span<const FindingLock> held;  // everything that `thread` holds, oldest first

  // Cycles and closed paths: edges[i].asked and edges[i + 1].held are of one class, all the way
  // round. edges[0] is the newest.
  std::span<const FindingEdge> edges;
  bool linked = false;  // instances seen on the edges close the cycle

  std::span<const FindingThread> threads;  // live deadlocks: each waits for a lock of the next
};

// Receives findings. Called outside the validator's locks, on the thread that caused the finding,
// in no particular order between threads.
class FindingSink {
 public:
  virtual ~FindingSink() = default;
  virtual void OnFinding(const Finding& finding) = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_FINDING_H_
