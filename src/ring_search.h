// Finds rings of threads that wait for each other's resilient locks, of any length.
//
// A waiting thread waits for one lock, and a lock has one holder. So there is one way to go from a
// waiter: to the holder of its lock, to the lock that the holder waits for, and so on. The waiter
// is on a ring iff the way comes back to it.
//
// No false alarm: two looks. The first look takes the number of the last ticket that was given out.
// The second is the walk; it accepts a thread only if its wait still lasts and its ticket is not
// newer than the first look. A ticket is drawn when a wait begins, and a thread in a wait neither
// takes nor gives back what it held before it. So all the waits and holds of the walk were there
// together at the time of the first look, and that is a deadlock.
//
// No ring missed: whoever begins to wait first publishes its wait and then looks. Publishing and
// the first look are separated by a read-modify-write of the one ticket counter, so of all members
// of a ring the last one in the order of that counter sees all the others.
//
// Exactly one victim: the newest waiter of the ring. A member that finds a ring in which another is
// newest tells it to look. That one decides for itself; nobody is failed from outside.
//
// With the validator, most waits are watched: it looks for rings of such waits through locks of all
// kinds, and chooses one waiter to give way. So a ring of watched waits only is left to it. Any
// other ring it does not see in full; that one is judged here, by watched and unwatched members
// alike. Either way there is one judge, and one victim.
//
// Not seen: what a thread holds or waits for while one of its signal handlers waits, if the handler
// came in the midst of Publish, and the one lock that the interrupted code was just giving back or,
// with more than 253 threads, taking. There the time limit has to do.
//
// Safe in signal handlers, on any thread; takes no lock, allocates nothing, and touches no lock
// word (other threads' locks may be gone at any time), only slots. Costs a few loads for each
// member of the ring; a scan of all slots for a member that did not notice yet that its lock
// changed hands.
#ifndef RQLOCKDEP_SRC_RING_SEARCH_H_
#define RQLOCKDEP_SRC_RING_SEARCH_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "src/held_table.h"

namespace rqlockdep::internal {

// Slots share marks when there are more of them than marks.
inline constexpr uint32_t kSlotMarks = 253;
constexpr uint8_t MarkOfSlot(uint32_t id) { return static_cast<uint8_t>(1 + id % kSlotMarks); }

// `Policy` says which slots there are: slot_limit(), slot_at(id); and has the tickets().
template <class Policy>
class RingSearch {
 public:
  using Atomics = typename Policy::Atomics;
  using Slot = BasicThreadSlot<Atomics>;
  using Record = BasicWaitRecord<Atomics>;
  using Table = HeldTable<Atomics>;

  // One consistent picture of a wait record. `ticket` is 0 if the thread does not wait or the
  // record was changing.
  struct Wait {
    uint64_t ticket = 0;
    uintptr_t word = 0;
    uint32_t held_inline = 0;
    uint32_t held_chunked = 0;
    bool watched = false;
    uint8_t holder_mark = 0;
    uint32_t version = 0;
  };

  struct Ring {
    Slot* newest = nullptr;  // null: no ring
    uint64_t newest_ticket = 0;
    uintptr_t newest_word = 0;
  };

  // What the slot's own thread has published, or has begun to. A wait in a signal handler saves it
  // before it publishes itself, and publishes it again afterwards: then it is as if nothing had
  // happened, also if the handler interrupted Publish.
  static Wait Save(const Slot& slot) {
    const Record& record = slot.wait;
    // Relaxed: written by this thread only.
    const uintptr_t word = record.word.load(std::memory_order_relaxed);
    return {.ticket = record.ticket.load(std::memory_order_relaxed),
            .word = WordOf(word),
            .held_inline = record.held_inline.load(std::memory_order_relaxed),
            .held_chunked = record.held_chunked.load(std::memory_order_relaxed),
            .watched = IsWatched(word),
            .holder_mark = record.holder_mark.load(std::memory_order_relaxed)};
  }

  // Publishes what the slot's own thread waits for.
  static void Publish(Slot& slot, const Wait& wait) {
    Record& record = slot.wait;
    // Counters and not flags, so that a handler may interrupt here and publish, too. Relaxed would
    // do for this one: the release stores below publish it.
    record.writes_begun.fetch_add(1, std::memory_order_acq_rel);
    // Release, all: pair with the acquire loads in Read. Who sees one of them sees that this
    // writing has begun. The last increment: who sees it sees all of the record.
    record.word.store(wait.word + (wait.watched ? kWatched : 0), std::memory_order_release);
    record.held_inline.store(wait.held_inline, std::memory_order_release);
    record.held_chunked.store(wait.held_chunked, std::memory_order_release);
    record.holder_mark.store(wait.holder_mark, std::memory_order_release);
    record.ticket.store(wait.ticket, std::memory_order_release);
    record.writes_done.fetch_add(1, std::memory_order_release);
  }

  static Wait Read(const Slot& slot) {
    const Record& record = slot.wait;
    Wait wait;
    // Acquire: pairs with the last increment in Publish; with it all of that record is visible.
    wait.version = record.writes_done.load(std::memory_order_acquire);
    // Relaxed: as many writings as were done had begun, and the load above has made that visible.
    // If there are more, one may be under way.
    if (record.writes_begun.load(std::memory_order_relaxed) != wait.version) return {};
    // Acquire: pairs with the release stores in Publish. If one of these loads sees a later record,
    // it also sees that its writing has begun, and Unchanged says no.
    const uintptr_t word = record.word.load(std::memory_order_acquire);
    wait.word = WordOf(word);
    wait.watched = IsWatched(word);
    wait.held_inline = record.held_inline.load(std::memory_order_acquire);
    wait.held_chunked = record.held_chunked.load(std::memory_order_acquire);
    wait.holder_mark = record.holder_mark.load(std::memory_order_acquire);
    wait.ticket = record.ticket.load(std::memory_order_acquire);
    if (!Unchanged(slot, wait)) return {};
    return wait;
  }

  // Looks for a ring through the thread of `me`, which has published `mine`.
  static Ring Look(Policy& policy, Slot& me, const Wait& mine) {
    // The first look. A read-modify-write, so that it comes after the fetch_add of everybody whose
    // ticket it sees (acquire: what they did before is visible), and so that of two threads that
    // publish and look, the later sees the earlier (release: publishes our own wait).
    const uint64_t first_look = policy.tickets().fetch_add(0, std::memory_order_acq_rel);
    Ring ring{.newest = &me, .newest_ticket = mine.ticket, .newest_word = mine.word};
    Wait at = mine;
    bool all_watched = mine.watched;
    // More steps than slots: the way goes round a ring that we are not on. Its members see to it.
    for (uint32_t steps = policy.slot_limit() + 1; steps != 0; --steps) {
      Wait next;
      Slot* const holder =
          FindHolder(policy, at, /*hint_is_fresh=*/at.ticket == mine.ticket, &next);
      if (holder == nullptr || next.ticket == 0 || next.ticket > first_look) return {};
      if (holder == &me) return all_watched ? Ring{} : ring;
      all_watched = all_watched && next.watched;
      if (next.ticket > ring.newest_ticket) {
        ring = {.newest = holder, .newest_ticket = next.ticket, .newest_word = next.word};
      }
      at = next;
    }
    return {};
  }

  // Whether the thread that holds the lock at `word`, of mark `mark`, has ended.
  static bool HolderIsGone(Policy& policy, uint8_t mark, uintptr_t word) {
    if (mark == 0 || mark > kSlotMarks) return false;
    bool gone = false;
    const uint32_t limit = policy.slot_limit();
    for (uint32_t id = mark - 1u; id < limit; id += kSlotMarks) {
      Wait wait;
      if (!Holds(*policy.slot_at(id), word, &wait)) continue;
      // Of two that list the lock, the dead one lists an earlier lock at this address.
      if (!policy.slot_has_ended(id)) return false;
      // Again, because it may have given the lock back between our look and its end. What it did
      // before it ended is visible now.
      gone = gone || Holds(*policy.slot_at(id), word, &wait);
    }
    return gone;
  }

 private:
  // Words are aligned.
  static constexpr uintptr_t kWatched = 1;
  static uintptr_t WordOf(uintptr_t word) { return word & ~kWatched; }
  static bool IsWatched(uintptr_t word) { return (word & kWatched) != 0; }

  static bool Unchanged(const Slot& slot, const Wait& wait) {
    // Relaxed: ordered after the acquire loads before it.
    return slot.wait.writes_begun.load(std::memory_order_relaxed) == wait.version;
  }

  // The slot that holds the lock of `at`; `next` is what that thread waits for, with ticket 0 if it
  // is not blocked.
  static Slot* FindHolder(Policy& policy, const Wait& at, bool hint_is_fresh, Wait* next) {
    if (at.holder_mark == 0 || at.holder_mark > kSlotMarks) return nullptr;
    const uint32_t limit = policy.slot_limit();
    for (uint32_t id = at.holder_mark - 1u; id < limit; id += kSlotMarks) {
      Slot* const slot = policy.slot_at(id);
      if (Holds(*slot, at.word, next)) return slot;
    }
    if (hint_is_fresh) return nullptr;  // just given back
    for (uint32_t id = 0; id < limit; ++id) {
      Slot* const slot = policy.slot_at(id);
      if (Holds(*slot, at.word, next)) return slot;
    }
    return nullptr;
  }

  // Whether the slot's thread holds the lock word at `word`. If it also waits, and held the lock
  // when that wait began, `wait` says for what. (A lock that a running signal handler took on top
  // of an interrupted wait is held by somebody who does not wait.)
  static bool Holds(Slot& slot, uintptr_t word, Wait* wait) {
    bool before_wait = false;
    // Acquire: pairs with FastPath::Confirm. If this hold is newer than the thread's wait, the end
    // of that wait is visible and Unchanged says no.
    const auto holds = [word](const BasicCell<Atomics>& cell) {
      return cell.lock.load(std::memory_order_acquire) == word;
    };
    *wait = Read(slot);
    for (uint32_t i = 0; i < Slot::kInlineCells; ++i) {
      if (!holds(slot.cells[i])) continue;
      before_wait = (wait->held_inline >> i & 1) != 0;
      if (!before_wait || !Unchanged(slot, *wait)) *wait = {};
      return true;
    }
    const auto* const chunked =
        Table::AtEachChunkedCell(slot, [&](const BasicCell<Atomics>& cell, uint32_t index) {
          before_wait = index < wait->held_chunked;
          return holds(cell);
        });
    if (chunked == nullptr) return false;
    if (!before_wait || !Unchanged(slot, *wait)) *wait = {};
    return true;
  }
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_RING_SEARCH_H_
