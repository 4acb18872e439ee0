#include "tests/benchmark/ring.h"

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>

#include "gtest/gtest.h"
#include "tests/benchmark/ring_locks.h"

namespace rqlockdep::benchmark {
namespace {

// Locks that find no deadlock themselves, but say what they are told to when the ring is closed.
class ScriptedLocks : public RingLocks {
 public:
  explicit ScriptedLocks(size_t size) : held_(size) {}

  // What the closing attempt brings to those who wait for these locks; the others go on waiting.
  std::map<size_t, RingOutcome> at_closing;
  // What brings an end to the wait for these locks at once.
  std::map<size_t, RingOutcome> at_once;

  RingOutcome Acquire(size_t index) override {
    // A member asks for its own lock, which is free, and then for another one, which is not. It
    // waits from here on, for it may sleep for the mutex, too.
    const bool waits = held_[index];
    const size_t waiting_before = waits ? waiting_.fetch_add(1) : 0;
    const RingOutcome outcome = AcquireAfter(waiting_before, index);
    if (waits) --waiting_;
    return outcome;
  }

  void Release(size_t index) override {
    const std::lock_guard lock(mutex_);
    held_[index] = false;
    changed_.notify_all();
  }

  size_t waiting_at_closing() const { return waiting_at_closing_; }
  bool AllFree() const {
    for (const std::atomic<bool>& held : held_) {
      if (held) return false;
    }
    return true;
  }
  void Reopen() { closed_ = false; }

 private:
  RingOutcome AcquireAfter(size_t waiting_before, size_t index) {
    std::unique_lock lock(mutex_);
    if (held_[index]) {
      if (const auto found = at_once.find(index); found != at_once.end()) return found->second;
      if (index == 0) {  // only the last member asks for a held lock 0
        waiting_at_closing_ = waiting_before;
        closed_ = true;
        changed_.notify_all();
      }
      changed_.wait(lock, [&] {
        return !held_[index] || (closed_ && at_closing.find(index) != at_closing.end());
      });
      if (held_[index] || at_closing.find(index) != at_closing.end()) return at_closing.at(index);
    }
    held_[index] = true;
    return RingOutcome::kTaken;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::atomic<bool>> held_;
  bool closed_ = false;
  std::atomic<size_t> waiting_{0};
  size_t waiting_at_closing_ = 0;
};

TEST(RingTest, AllOthersWaitWhenTheRingIsClosed) {
  Ring ring(5);
  ScriptedLocks locks(5);
  locks.at_closing = {{0, RingOutcome::kDeadlock}};
  for (int i = 0; i < 50; ++i) {
    const RingResult result = ring.Close(locks);
    EXPECT_EQ(locks.waiting_at_closing(), 4u);
    EXPECT_EQ(result.victims, 1);
    EXPECT_EQ(result.failures, 0);
    EXPECT_GE(result.nanoseconds, 0);
    EXPECT_TRUE(locks.AllFree());
    locks.Reopen();
  }
}

TEST(RingTest, TheVictimMayBeAnother) {
  Ring ring(4);
  ScriptedLocks locks(4);
  locks.at_closing = {{2, RingOutcome::kDeadlock}};
  const RingResult result = ring.Close(locks);
  EXPECT_EQ(result.victims, 1);
  EXPECT_EQ(result.failures, 0);
  EXPECT_GE(result.nanoseconds, 0);
  EXPECT_TRUE(locks.AllFree());
}

TEST(RingTest, CountsEachVictim) {
  Ring ring(4);
  ScriptedLocks locks(4);
  locks.at_closing = {{0, RingOutcome::kDeadlock}, {2, RingOutcome::kDeadlock}};
  EXPECT_EQ(ring.Close(locks).victims, 2);
  EXPECT_TRUE(locks.AllFree());
}

TEST(RingTest, HasNoTimeWithoutAVictim) {
  Ring ring(3);
  ScriptedLocks locks(3);
  locks.at_closing = {{0, RingOutcome::kFailed}};
  const RingResult result = ring.Close(locks);
  EXPECT_EQ(result.victims, 0);
  EXPECT_EQ(result.failures, 1);
  EXPECT_TRUE(std::isnan(result.nanoseconds));
  EXPECT_TRUE(locks.AllFree());
}

TEST(RingTest, AVictimBeforeTheRingIsClosedIsAFailure) {
  Ring ring(3);
  ScriptedLocks locks(3);
  locks.at_once = {{1, RingOutcome::kDeadlock}, {0, RingOutcome::kFailed}};
  EXPECT_GE(ring.Close(locks).failures, 1);
  EXPECT_TRUE(locks.AllFree());
}

TEST(RingTest, ResilientLocksAndTheKernelFindEachRing) {
  for (const size_t size : {size_t{2}, size_t{3}, size_t{8}}) {
    Ring ring(size);
    ResilientRingLocks resilient(size);
    PiFutexRingLocks kernel(size);
    for (int i = 0; i < 10; ++i) {
      for (RingLocks* locks :
           {static_cast<RingLocks*>(&resilient), static_cast<RingLocks*>(&kernel)}) {
        const RingResult result = ring.Close(*locks);
        EXPECT_EQ(result.victims, 1);
        EXPECT_EQ(result.failures, 0);
      }
    }
  }
}

}  // namespace
}  // namespace rqlockdep::benchmark
