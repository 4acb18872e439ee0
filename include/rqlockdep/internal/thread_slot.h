// What the locks know about one thread: which resilient locks it holds or attempts, which one it
// waits for, and its place in a queue. Slots live in a process-wide table that is never unmapped
// (src/thread_slot_table.h), so that any thread may look into any slot at any time.
//
// The held table is a set of cells. Cells are independent of each other, so locks may be given back
// in any order, and a signal handler that interrupts its thread between any two instructions just
// uses other cells. What a cell says of its lock:
//   0                 free
//   address | 1       an attempt on the lock word at `address`
//   address           held, for certain: set after the lock was taken, changed before it is
//   released
// A cell is occupied before the compare-and-swap that takes the lock, and free again before the
// release. Only the slot's thread, and signal handlers on it, write its cells. A handler must give
// back what it took before it returns.
#ifndef RQLOCKDEP_INTERNAL_THREAD_SLOT_H_
#define RQLOCKDEP_INTERNAL_THREAD_SLOT_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"

namespace rqlockdep::internal {

inline constexpr uintptr_t kFreeCell = 0;
inline constexpr uintptr_t kAttemptBit = 1;
inline constexpr uintptr_t kBlockedCell = ~uintptr_t{0};  // never free, never a lock

template <class Atomics>
struct BasicCell {
  typename Atomics::template Atomic<uintptr_t> lock{kFreeCell};
  // Of the slot that the cell belongs to, here because the fast path has only the cell at hand.
  // Written before the slot's thread uses the cell, constant from then on.
  uint8_t mark = 0;
};

// More cells, for threads that hold very many locks. Never given back while the process lives.
template <class Atomics>
struct BasicCellChunk {
  static constexpr uint32_t kCells = 63;
  typename Atomics::template Atomic<BasicCellChunk*> next{nullptr};
  BasicCell<Atomics> cells[kCells]{};
};

// Which lock a thread waits for. Published only by threads that hold something else: others cannot
// be part of a ring. A reader needs one consistent picture: RingSearch::Read.
template <class Atomics>
struct BasicWaitRecord {
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;
  Atomic<uint32_t> writes_begun{0};
  Atomic<uint32_t> writes_done{0};
  Atomic<uint64_t> ticket{0};  // 0: not waiting. A wait that began later has a higher ticket
  // Address of the lock word that is waited for; + 1: the validator looks for rings of this wait
  Atomic<uintptr_t> word{0};
  Atomic<uint32_t> held_inline{0};   // a bit for each inline cell that was occupied before the wait
  Atomic<uint32_t> held_chunked{0};  // how many of the chunks' cells may have been
  Atomic<uint8_t> holder_mark{0};    // what the waiter last saw in `locked`: a hint
  Atomic<uint64_t> look_again{0};  // a ticket: "you are the newest waiter of a ring, look yourself"
};

// A place in the queue of a lock. What the fields mean, and who may change them when, is said in
// src/waiter_queue.h. All zero: in no queue.
template <class Atomics>
struct alignas(64) BasicQueueNode {
  typename Atomics::template Atomic<uint32_t> state{0};  // also what the waiter sleeps on
  typename Atomics::template Atomic<uint32_t> next{0};
  typename Atomics::template Atomic<uintptr_t> word{0};  // address of the lock word it queues for
};

template <class Atomics>
struct alignas(64) BasicThreadSlot {
  static constexpr uint32_t kInlineCells = 31;

  uint8_t mark = 0;  // of this slot, for `locked`
  uint16_t id = 0;
  BasicCell<Atomics> cells[kInlineCells]{};
  typename Atomics::template Atomic<BasicCellChunk<Atomics>*> more_cells{nullptr};
  BasicWaitRecord<Atomics> wait;
  BasicQueueNode<Atomics> node;
};

using Cell = BasicCell<NativeAtomics>;
using CellChunk = BasicCellChunk<NativeAtomics>;
using ThreadSlot = BasicThreadSlot<NativeAtomics>;

// The inline cell that this thread's next acquisition should use if it is free: a hint, nothing is
// wrong if another would do. A cell that is never free before the thread has a slot.
// Initial-exec: cheap, and safe in signal handlers (no lazy allocation).
extern constinit thread_local Cell* thread_cursor __attribute__((tls_model("initial-exec")));

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_INTERNAL_THREAD_SLOT_H_
