// The four bytes that both locks are made of.
//
//   locked   0: free. kReservedMark: free, but not for newcomers. Else held, and the value says a
//            little about the holder: the mark of its thread slot (1 to 253, slots share marks when
//            there are more), or kUnlistedMark. Whoever takes the lock takes it by compare-and-swap
//            on this byte.
//   pending  0: nobody whom an unlock has to think of. Else see src/pending_byte.h.
//   tail     0: no queue. Else one more than the slot of the last waiter in it
//            (src/waiter_queue.h).
//
// Three separate atomics that are never accessed at another width: the program stays inside the C++
// memory model, race detectors see every access, and no load waits for a store of another width
// (which costs 5 ns on current processors). Only the kernel's futex code, asked to put a waiter to
// sleep, compares all four bytes at once.
#ifndef RQLOCKDEP_INTERNAL_LOCK_WORD_H_
#define RQLOCKDEP_INTERNAL_LOCK_WORD_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep::internal {

// Which atomics the algorithms use: the real ones here, a test's own under a controlled scheduler.
struct NativeAtomics {
  template <class T>
  using Atomic = std::atomic<T>;
};

// The mark of holders about whom no table says anything: regular locks, and threads without a slot.
inline constexpr uint8_t kUnlistedMark = 255;
// In `locked` of a free lock: the last holder found that the first waiters had been passed over for
// long enough, and left it to them. Newcomers find the lock taken, and wait behind them. If there
// are no first waiters any more, the lock is as free as with 0.
inline constexpr uint8_t kReservedMark = 254;

template <class Atomics>
struct alignas(4) BasicLockWord {
  constexpr BasicLockWord() = default;
  BasicLockWord(const BasicLockWord&) = delete;
  BasicLockWord& operator=(const BasicLockWord&) = delete;

  typename Atomics::template Atomic<uint8_t> locked{0};
  typename Atomics::template Atomic<uint8_t> pending{0};
  typename Atomics::template Atomic<uint16_t> tail{0};
};

using LockWord = BasicLockWord<NativeAtomics>;
static_assert(sizeof(LockWord) == 4);

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_INTERNAL_LOCK_WORD_H_
