// The locks of a ring: as many as it has threads.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_RING_LOCKS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_RING_LOCKS_H_

#include <chrono>
#include <cstddef>
#include <deque>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"
#include "tests/benchmark/pi_futex.h"

namespace rqlockdep::benchmark {

enum class RingOutcome { kTaken, kDeadlock, kFailed };

class RingLocks {
 public:
  virtual ~RingLocks() = default;
  virtual RingOutcome Acquire(size_t index) = 0;
  virtual void Release(size_t index) = 0;
};

class ResilientRingLocks : public RingLocks {
 public:
  explicit ResilientRingLocks(size_t count) : locks_(count) {}
  RingOutcome Acquire(size_t index) override {
    // Long enough that no thread leaves before the ring is closed; a ring that nobody finds fails.
    switch (locks_[index].AcquireFor(std::chrono::seconds(10))) {
      case LockResult::kOk:
        return RingOutcome::kTaken;
      case LockResult::kDeadlock:
        return RingOutcome::kDeadlock;
      case LockResult::kTimedOut:
        return RingOutcome::kFailed;
    }
    return RingOutcome::kFailed;
  }
  void Release(size_t index) override RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
    locks_[index].unlock();
  }

 private:
  std::deque<ResilientSpinlock> locks_;
};

class PiFutexRingLocks : public RingLocks {
 public:
  explicit PiFutexRingLocks(size_t count) : locks_(count) {}
  RingOutcome Acquire(size_t index) override {
    switch (locks_[index].Lock()) {
      case PiFutex::Result::kTaken:
        return RingOutcome::kTaken;
      case PiFutex::Result::kDeadlock:
        return RingOutcome::kDeadlock;
      case PiFutex::Result::kFailed:
        return RingOutcome::kFailed;
    }
    return RingOutcome::kFailed;
  }
  void Release(size_t index) override { locks_[index].Unlock(); }

 private:
  std::deque<PiFutex> locks_;
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_RING_LOCKS_H_
