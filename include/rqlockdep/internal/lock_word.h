// The four bytes that both locks are made of.
//
//   locked   0: free. Else held, and the value says a little about the holder: the mark of its
//   thread
//            slot (1 to 254, slots share marks when there are more), or kUnlistedMark. Whoever
//            takes the lock takes it by compare-and-swap on this byte.
//   pending  0: nobody sleeps. Else the low 7 bits count the waiters that may sleep, and the high
//   bit
//            says that one of them has been woken and has not looked yet.
//   tail     0: the place of the waiters' queue.
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
