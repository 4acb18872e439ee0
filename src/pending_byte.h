// The `pending` byte of a lock word: what an unlock has to know of the waiters.
//
//   kSpinner      the first waiter: it spins, awake, without a place in the queue, and takes the
//                 lock as soon as it is free. There is one at most. While there is, an unlock need
//                 not wake anyone: whoever it woke would only find the lock taken again.
//   kReserve      a first waiter has been passed over for long enough: the next unlock shall leave
//                 the lock to the first waiters (kReservedMark).
//   kWakeClaimed  an unlock has woken, or is about to wake, a sleeper that has not looked yet.
//   Until
//                 it has, further unlocks wake nobody.
//   kExtended     the holder asks the kernel for a longer time slice (slice_extension.h), and has
//   to
//                 take that back at the unlock. Set and cleared by the holder.
//   kSleepers     how many waiters sleep on the word, or are about to: the head of the queue, and
//                 those that have no place in it. If there are more than can be counted, the others
//                 only nap.
//
// An unlock reads `pending` just before it frees the lock and touches the lock no more afterwards,
// since its next owner may destroy it. So a waiter that announces itself exactly in between, an
// instruction or two, is not woken; it sees the free lock when its nap ends. Nor are sleepers if
// the spinner, who was to take the lock, leaves just then. In return an unlock needs neither a
// second locked operation nor a fence.
//
// All operations on the byte are relaxed: it carries no data. It says whom to wake, and the kernel
// compares it again, under its own lock, before it puts anyone to sleep.
#ifndef RQLOCKDEP_SRC_PENDING_BYTE_H_
#define RQLOCKDEP_SRC_PENDING_BYTE_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep::internal {

template <class Word>
class PendingByte {
 public:
  static constexpr uint8_t kWakeClaimed = 0x80;
  static constexpr uint8_t kSpinner = 0x40;
  static constexpr uint8_t kReserve = 0x20;
  static constexpr uint8_t kExtended = 0x10;
  static constexpr uint8_t kSleepers = 0x0f;

  static uint8_t Get(const Word& word) { return word.pending.load(std::memory_order_relaxed); }

  // Makes the caller the spinner. False if there is one.
  static bool BecomeSpinner(Word& word) {
    return Change(word, [](uint8_t now) {
      return (now & kSpinner) != 0 ? now : static_cast<uint8_t>(now | kSpinner);
    });
  }

  // Asks that the lock be left to the first waiters.
  static void AskToReserve(Word& word) {
    Change(word, [](uint8_t now) { return static_cast<uint8_t>(now | kReserve); });
  }

  // Counts the caller among the sleepers. False if no more can be counted.
  static bool Announce(Word& word) {
    return Change(word, [](uint8_t now) {
      return (now & kSleepers) == kSleepers ? now : static_cast<uint8_t>(now + 1);
    });
  }

  // For the holder: it asks for a longer time slice until the unlock.
  static void NoteExtension(Word& word) {
    Change(word, [](uint8_t now) { return static_cast<uint8_t>(now | kExtended); });
  }

  // A sleeper has looked: the next unlock may wake one again. Returns the byte.
  static uint8_t Unclaim(Word& word) {
    Change(word, [](uint8_t now) { return static_cast<uint8_t>(now & ~kWakeClaimed); });
    return Get(word);
  }

  // Takes back what the caller set: `flags`, and its count if it was announced. Returns how many
  // sleepers are left.
  static uint8_t Leave(Word& word, uint8_t flags, bool announced) {
    uint8_t left = 0;
    Change(word, [&](uint8_t now) {
      uint8_t next = static_cast<uint8_t>(now & ~flags);
      if (announced) next = static_cast<uint8_t>((next & ~kWakeClaimed) - 1);
      left = next & kSleepers;
      return next;
    });
    return left;
  }

  struct Handover {
    bool wake = false;      // wake one sleeper, once the lock is free
    bool reserve = false;   // free it with kReservedMark
    bool extended = false;  // afterwards, end the longer time slice
  };
  // For the holder, who is about to free the lock.
  //
  // `forked`: the byte may tell of waiters that only the parent has. Of a spinner or a claimed
  // wake-up nobody can say whether they are real, and sleepers must not rely on them.
  static Handover BeginUnlock(Word& word, bool forked) {
    Handover handover;
    Change(word, [&](uint8_t now) {
      handover.reserve = (now & kReserve) != 0;
      const bool somebody_looks =
          (now & kWakeClaimed) != 0 || ((now & kSpinner) != 0 && !handover.reserve);
      handover.wake = (now & kSleepers) != 0 && (!somebody_looks || forked);
      handover.extended = (now & kExtended) != 0;
      return static_cast<uint8_t>((now & ~(kReserve | kExtended)) |
                                  (handover.wake ? kWakeClaimed : 0));
    });
    return handover;
  }

 private:
  // False if `change` leaves it as it is.
  template <class Function>
  static bool Change(Word& word, Function change) {
    uint8_t now = word.pending.load(std::memory_order_relaxed);
    for (;;) {
      const uint8_t next = change(now);
      if (next == now) return false;
      if (word.pending.compare_exchange_weak(now, next, std::memory_order_relaxed,
                                             std::memory_order_relaxed)) {
        return true;
      }
    }
  }
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_PENDING_BYTE_H_
