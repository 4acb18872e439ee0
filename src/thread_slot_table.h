// The process-wide table of thread slots.
//
// A thread gets a slot when it first uses a resilient lock, one with a low number, and gives it
// back when it ends. A thread that ends with locks held leaves its slot to them: it is dead, and
// never used again. Slots are mapped in segments that double in size and are never unmapped, so any
// thread may read any slot at any time. There are up to 65 534, because a queue names a waiter by
// slot number plus one in 16 bits.
//
// A slot belongs to a thread of the process, not to a copy of the library: a second copy adopts the
// slot that the thread has, and the slot is free when the last copy has let go of it.
//
// Everything but the very first call in a process (in practice a constructor at load time) may be
// called in signal handlers. Nothing calls malloc. A slot whose thread ended without telling (its
// key destructor could not be set, or ran before a last use) is found when the table would have to
// grow: the kernel says that there is no such thread.
//
// fork: the child keeps the slot of the forking thread with what it holds. The other threads are no
// more there: those that hold locks are dead. The others' slots are retired: the `tail` of a lock
// may still name them, so other threads get them only when there is no other slot left.
#ifndef RQLOCKDEP_SRC_THREAD_SLOT_TABLE_H_
#define RQLOCKDEP_SRC_THREAD_SLOT_TABLE_H_

#include <atomic>
#include <bit>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {

class SlotTable {
 public:
  static constexpr uint32_t kMaxSlots = 65'534;

  // Where there is a slot, but not whose.
  uint32_t limit() const {
    // Acquire: pairs with the release in Claim; the segments below the limit are visible.
    return limit_.load(std::memory_order_acquire);
  }
  // `id` is below limit().
  ThreadSlot* at(uint32_t id) {
    const uint32_t segment = SegmentOf(id);
    // Relaxed: whatever named the slot made its segment visible: limit(), or the `tail` or `next`
    // in which its thread, which had mapped the segment or seen it, stored its number (with
    // release).
    return &segments_[segment].load(std::memory_order_relaxed)->slots[id - FirstOf(segment)];
  }
  // The last ticket given out to a waiter, see ring_search.h.
  std::atomic<uint64_t>& tickets() { return tickets_; }

  // Whether some thread, perhaps a dead one, has the slot.
  bool IsInUse(uint32_t id) {
    // Acquire: pairs with the release in LetGo. Who sees that the slot is free sees it in
    // changes().
    return owner(id).load(std::memory_order_acquire) != kNobody;
  }
  // How many times a slot came into use or went out of it.
  //
  // A read-modify-write, not a load: of this and a change the one that comes later in the order of
  // the counter sees what came before the other (release, acquire). If this comes first, whatever
  // the caller read before it cannot come from a thread that got its slot by that change. A load
  // could miss a change though the caller has seen the thread's mark in a lock, because taking a
  // lock has acquire order only and publishes nothing (tests/model/shared_mark.cc).
  uint64_t changes() { return changes_.fetch_add(0, std::memory_order_acq_rel); }

  // A slot for the thread `tid`; null if there is none or no memory. The caller blocks signals.
  ThreadSlot* Claim(int32_t tid);
  // One copy of the library lets go of the slot, which its own thread calls for.
  void LetGo(ThreadSlot& slot);
  // In the child of a fork by the thread `forker`, which is `tid` here: only its slot, if it has
  // one, is still somebody's. Other copies of the library may have done it already.
  void KeepOnly(int32_t forker, int32_t tid);
  // Notes that one more copy of the library uses the table.
  void AddCopy() { copies_.fetch_add(1, std::memory_order_relaxed); }

  // Whether the slot's thread ended with locks held. For tests and reports.
  bool IsDead(uint32_t id);
  // Whether the slot's thread is no more, also if it ended without telling. May take a system call.
  bool HasEnded(uint32_t id);
  // Whether this process is the child of a fork. Relaxed: written when there is one thread.
  bool is_forked() const { return is_forked_.load(std::memory_order_relaxed); }
  void NoteFork() { is_forked_.store(true, std::memory_order_relaxed); }

  // See progress_clock.h.
  std::atomic<uint64_t>& progress() { return progress_; }

  static SlotTable* Map();
  static void Unmap(SlotTable* table);

 private:
  static constexpr uint32_t kFirstSegment = 64;  // slots; each further segment has twice as many
  static constexpr uint32_t kSegments = 10 + 1;
  static constexpr int32_t kNobody = 0;
  static constexpr int32_t kDead = -1;
  static constexpr int32_t kRetired = -2;

  struct Segment {
    ThreadSlot* slots;
    std::atomic<int32_t>* owners;  // a thread's number, kNobody, kDead or kRetired
    uint32_t* copies;              // how many copies of the library have adopted the slot
  };

  static constexpr uint32_t SegmentOf(uint32_t id) {
    return static_cast<uint32_t>(std::bit_width(id / kFirstSegment + 1)) - 1;
  }
  static constexpr uint32_t FirstOf(uint32_t segment) {
    return kFirstSegment * ((uint32_t{1} << segment) - 1);
  }

  Segment* SegmentFor(uint32_t id);  // maps it if need be; null if there is no memory
  std::atomic<int32_t>& owner(uint32_t id);
  uint32_t& copies_of(uint32_t id);
  ThreadSlot* Adopt(int32_t tid);
  ThreadSlot* Take(uint32_t id, int32_t tid);
  ThreadSlot* TakeBetween(uint32_t begin, uint32_t end, int32_t tid);
  void ReclaimEnded();
  void ReclaimRetired();

  std::atomic<uint64_t> tickets_{};
  std::atomic<uint64_t> progress_{};
  // Raised before a slot is used for a lock, and before it is free.
  std::atomic<uint64_t> changes_{};
  std::atomic<uint32_t> limit_{};
  std::atomic<uint32_t> lowest_free_{};  // a hint
  std::atomic<uint32_t> copies_{};
  std::atomic<bool> is_forked_{};
  std::atomic<int32_t> process_{};  // whose threads the owners are
  std::atomic<Segment*> segments_[kSegments] = {};
};

// The table. If there was no memory for it, one that has no slots.
SlotTable* ProcessSlotTable();

// The calling thread's slot; registers the thread if it has none. Null if it cannot have one.
ThreadSlot* CurrentSlot();
// The same, but never registers.
ThreadSlot* CurrentSlotIfAny();

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_THREAD_SLOT_TABLE_H_
