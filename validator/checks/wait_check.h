// Deadlocks that are happening (docs/semantics.md, section 8): rings of threads that wait for one
// another.
//
// Everything but the search works on threads that may run meanwhile; wait_record.h says what can be
// concluded from what they have published. Here is what cannot, and is only doubtful evidence:
//   - That a reader waits for a writer that began to wait before it. What is published does not say
//     whether that writer stands in the lock's queue already, nor whether the lock makes readers
//     wait for it at all (glibc's rwlock does not by default).
//   - That a thread which waits in a signal handler holds the lock that the interrupted code asked
//     for last. It may have been interrupted between its hook and the lock itself. (A handler that
//     nobody declared, rqlockdep/context.h, looks like the code that it interrupts: no doubt is
//     known then.)
// A ring that needs such evidence is believed after it has outlasted many looks.
#ifndef RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_
#define RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/checks/check_input.h"
#include "validator/core/key_map.h"
#include "validator/core/scratch_buffer.h"
#include "validator/core/segmented_vector.h"
#include "validator/core/wait_record.h"

namespace rqlockdep {

// A thread with the wait that it was seen in.
struct Waiter {
  ThreadState* thread = nullptr;
  Wait wait;
};

// True if `waiter` waits for `other`: it holds the lock in the way, or is a writer that queued
// before a reader that writers block.
bool WaitsFor(const Waiter& waiter, const Waiter& other);

// True if `other` is a writer that began to wait before the reader `waiter`, which writers block.
bool QueuedBefore(const Waiter& other, const Waiter& waiter);

// WaitsFor two waits that are pinned, with a grade.
enum class Evidence : uint8_t { kNone, kDoubtful, kCertain };
Evidence EvidenceOf(const Waiter& waiter, const Waiter& other);

// True if the waiter waits for a lock that it holds itself, in such a way that it cannot get it: a
// ring of one.
bool WaitsForItself(const Waiter& waiter);

// True if another thread stands in the way of `thread` taking `lock` in this way now, behind
// everybody who waits already. Not while threads run.
bool WouldWait(const ThreadState& thread, const hooks::LockMap* lock, LockMode mode,
               const ThreadState* threads);

// True if it waits for nobody, so that the lock is its to take. Not while threads run.
bool WaitsForNobody(const ThreadState& waiter, const ThreadState* threads);

// The search. One at a time; it remembers what it has found.
class RingFinder {
 public:
  enum class Rings : uint8_t { kAll, kWithBoundedWaiter };

  // Forgets which rings were found.
  void Clear() { found_.Clear(); }

  // The next ring through `first` that was not found since Clear, each thread waiting for the next:
  // the shortest, then the one with the oldest waiter, then the next oldest, and so on. `waiters`
  // are all threads that wait, `first` among them. Empty: no more. Valid until the next
  // call.
  //
  // The first ring is found in a time that grows with the threads that can be reached from `first`,
  // times the waiters. Of further ones some are missed if there are more than 100 000 ways to go.
  std::span<const Waiter> Find(const Waiter& first, std::span<const Waiter> waiters,
                               Rings wanted = Rings::kAll);

  // What identifies the waits of a ring.
  static uint64_t Signature(std::span<const Waiter> ring);

 private:
  static constexpr uint32_t kFar = UINT32_MAX;

  // What can be reached from the first waiter. Node 0 is the first waiter itself.
  struct Node {
    Waiter waiter;
    uint32_t first_edge = 0;
    uint32_t end_edge = 0;
    uint32_t distance = kFar;  // edges to node 0
    uint32_t next_edge = 0;    // of the path that goes through it
    bool on_path = false;
  };

  bool Explore(const Waiter& first, std::span<const Waiter> waiters);
  void MeasureDistances();
  bool ReachesBoundedWaiter() const;
  bool Search(size_t longest);
  void Consider(size_t size);
  bool IsBetter(size_t size);

  KeyMap found_;
  Rings wanted_ = Rings::kAll;
  ScratchBuffer<Node> node_memory_;
  std::span<Node> nodes_;
  uint32_t node_count_ = 0;
  SegmentedVector<uint32_t> edges_;  // numbers of nodes
  ScratchBuffer<uint32_t> number_memory_;
  ScratchBuffer<uint32_t> path_memory_;
  std::span<uint32_t> path_;
  ScratchBuffer<Waiter> ring_memory_;
  std::span<Waiter> ring_;  // the path, and
  std::span<Waiter> best_;  // the best ring so far
  size_t best_size_ = 0;
  ScratchBuffer<uint64_t> ticket_memory_;
};

// True if one of the ring waits for a bounded time.
bool HasBoundedWaiter(std::span<const Waiter> ring);

// Who ends the ring: the newest of the bounded waiters that can be told to, or, if none can be, the
// newest of those that will run out; null if nobody waits for a bounded time. The waits are pinned,
// or nobody runs. (In a replay every bounded waiter can be told.)
const Waiter* FindVictim(std::span<const Waiter> ring);

// Whether a `deadlock` is reported again if the same classes were asked for in the same places.
enum class Repeats : uint8_t { kReported, kDropped };

// `deadlock`, or `resilient-deadlock` if there is a victim; that one only once for the same locks'
// classes and places. The waits are pinned, or nobody runs. `exact_stack` is the stack of the wait
// of this event's thread, if it is known.
void ReportRing(CheckInput& input, std::span<const Waiter> ring, const Waiter* victim,
                StackId exact_stack, Repeats repeats);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CHECKS_WAIT_CHECK_H_
