// The vocabulary of lock acquisitions: what kind of lock, how it is shared, how long the caller is
// ready to wait, and how an acquisition can fail. The locks, the hooks and the validator speak it.
//
// Plain enumerations: no cost, no state, no dependencies. The numbers are stable: the C interface
// uses them.
#ifndef RQLOCKDEP_ACQUISITION_H_
#define RQLOCKDEP_ACQUISITION_H_

#include <cstdint>

namespace rqlockdep {

// What a lock class is made of. It fixes the strength of a plain acquisition, what a shared
// acquisition means and the wait rank (docs/semantics.md, docs/trace-format.md).
enum class LockKind : uint8_t {
  kQspinlock,         // regular queued spinlock
  kRqspinlock,        // resilient queued spinlock: every acquisition but a try is bounded
  kRawSpinlock,       // regular spinlock that never sleeps
  kSpinlock,          // regular spinlock that may sleep under contention (adaptive)
  kRwlock,            // readers and writers, readers recursive
  kFairRwlock,        // readers and writers, readers recursive only inside a context
  kMutex,             // sleeping, exclusive
  kRtmutex,           // sleeping, exclusive, priority-inheriting
  kRecursiveMutex,    // sleeping, exclusive; its owner may take it again
  kRwsem,             // sleeping, readers and writers, readers not recursive
  kLocalLock,         // per thread, never contended
  kMap,               // a pseudo-lock that stands for a wait
  kSection,           // a read section: never waits, not checked for order
  kSectionNopreempt,  // the same, at rank spin
  kSectionSleepable,  // the same, leaves the rank as it is
};
inline constexpr int kLockKindCount = 15;

// How an acquisition shares the lock.
enum class LockMode : uint8_t {
  kExclusive,        // W: nobody else
  kReader,           // r: shared; a waiting writer blocks it
  kRecursiveReader,  // R: shared; only a writer that holds the lock blocks it
};

// How long the caller is ready to wait.
enum class Strength : uint8_t {
  kBlocking,   // for ever
  kTimed,      // a bounded time, on a regular lock
  kResilient,  // a bounded time, on a resilient lock, which also fails on a deadlock
  kTry,        // not at all
};

// Why an acquisition did not get the lock.
enum class FailReason : uint8_t {
  kBusy,      // a try found the lock taken
  kTimedOut,  // the time limit passed
  kDeadlock,  // waiting on would not have ended, or the lock was told to give way
};

// An asynchronous context: something that interrupts a thread's flow and runs on its stack.
enum class ContextKind : uint8_t {
  kHard,          // a signal handler
  kHardThreaded,  // a signal handler that may take adaptive locks
  kSoft,          // a deferred callback
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_ACQUISITION_H_
