// Deadlocks that are happening (docs/semantics.md, section 8): rings of threads that wait for one
// another.
//
// Under the graph lock. Looks at what all threads hold and wait for; where threads run meanwhile
// the caller must make sure that what is found still stands.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/checks/check_input.h"
#include "validator/core/key_map.h"
#include "validator/core/scratch_buffer.h"

namespace rqlockdep {

// True if `waiter`, which waits, waits for `other`: it holds the lock in the way, or is a writer
// that queued before a reader that writers block.
bool WaitsFor(const ThreadState& waiter, const ThreadState& other);

// True if another thread stands in the way of `thread` taking `lock` in this way now, behind
// everybody who waits already.
bool WouldWait(const ThreadState& thread, const hooks::LockMap* lock, LockMode mode,
               const ThreadState* threads);

// True if it waits for nobody, so that the lock is its to take.
bool WaitsForNobody(const ThreadState& waiter, const ThreadState* threads);

class WaitCheck {
 public:
  // Forgets which rings were judged: a new waiter begins.
  void Begin() { judged_.Clear(); }

  // The next ring through `waiter` that was not judged since Begin, each thread waiting for the
  // next: the shortest, then the one with the oldest waiter, and so on. Empty: no more. Valid until
  // the next call.
  std::span<ThreadState* const> FindRing(ThreadState& waiter, ThreadState* threads);

 private:
  struct Search {
    ThreadState* first = nullptr;
    ThreadState* threads = nullptr;
    std::span<ThreadState*> path;
    std::span<ThreadState*> best;
    size_t best_size = 0;
    size_t steps = 0;
  };
  void Extend(Search& search, size_t depth);
  bool Better(std::span<ThreadState* const> ring, std::span<ThreadState* const> best);

  KeyMap judged_;
  ScratchBuffer<ThreadState*> path_;
  ScratchBuffer<ThreadState*> best_;
  ScratchBuffer<uint64_t> tickets_;
  ScratchBuffer<uint64_t> best_tickets_;
};

// The newest waiter of the ring that waits for a bounded time; null if there is none.
ThreadState* FindVictim(std::span<ThreadState* const> ring);

// `deadlock`, or `resilient-deadlock` if there is a victim.
void ReportRing(CheckInput& input, std::span<ThreadState* const> ring, ThreadState* victim);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_
