// Threads that end, processes that are stopped, and forks, with locks held or waited for.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "src/native_policy.h"
#include "src/pending_byte.h"
#include "src/thread_slot_table.h"
#include "tests/support/thread_states.h"
#include "tests/unit/resilient_spinlock_fixture.h"

namespace rqlockdep {
namespace {

using namespace std::chrono_literals;  // NOLINT(build/namespaces)
using std::chrono::steady_clock;

TEST(ResilientSpinlock, SlotsOfEndedThreadsAreReused) {
  ResilientSpinlock lock;
  const auto use = [&lock] {
    ASSERT_EQ(lock.AcquireFor(1h), LockResult::kOk);
    lock.unlock();
  };
  OnAnotherThread(use);
  const uint32_t before = internal::ProcessSlotTable()->limit();
  for (int i = 0; i < 200; ++i) OnAnotherThread(use);
  EXPECT_EQ(internal::ProcessSlotTable()->limit(), before);
}

TEST(ResilientSpinlock, SlotOfAThreadThatEndedWithALockIsDead) {
  ResilientSpinlock lock;
  uint32_t id = 0;
  OnAnotherThread([&] {
    ASSERT_EQ(lock.Acquire(), LockResult::kOk);
    id = internal::CurrentSlot()->id;
  });
  EXPECT_TRUE(internal::ProcessSlotTable()->IsDead(id));
  EXPECT_EQ(lock.AcquireFor(1ms), LockResult::kTimedOut);
}

// Its waiters fail long before their limit, also those that hold nothing themselves and those
// that began to wait before the thread ended.
TEST(ResilientSpinlock, LockOfAnEndedThreadIsADeadlock) {
  ResilientSpinlock lock;
  std::atomic<bool> held{false};
  std::atomic<bool> end{false};
  std::thread owner([&] {
    ASSERT_EQ(lock.Acquire(), LockResult::kOk);
    held.store(true);
    held.notify_one();
    end.wait(false);
  });
  held.wait(false);
  std::vector<std::thread> waiters;
  std::atomic<int> deadlocks{0};
  for (int i = 0; i < 5; ++i) {
    waiters.emplace_back([&] { deadlocks += lock.AcquireFor(24h) == LockResult::kDeadlock; });
  }
  end.store(true);
  end.notify_one();
  owner.join();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(deadlocks.load(), 5);
  EXPECT_EQ(lock.AcquireFor(24h), LockResult::kDeadlock);
}

struct Span {
  steady_clock::time_point begin;
  steady_clock::time_point end;
  steady_clock::duration length() const { return end - begin; }
};

enum : int { kGood, kNoWaitWasStopped = 10, kTheStopCounted, kOther };

// Waits for a lock, over and over, for `limit` each time, until `stop`, the time for which the
// process was stopped, can be read. What came of it.
[[noreturn]] void WaitWhileStopped(std::chrono::milliseconds limit, int to_parent,
                                   int from_parent) {
  ResilientSpinlock lock;
  if (lock.Acquire() != LockResult::kOk) _exit(kOther);
  std::atomic<bool> over{false};
  std::vector<Span> waits;
  std::thread waiter([&] {
    const pid_t me = gettid();
    if (write(to_parent, &me, sizeof(me)) != sizeof(me)) _exit(kOther);
    while (!over) {
      const auto begin = steady_clock::now();
      if (lock.AcquireFor(limit) != LockResult::kTimedOut) _exit(kOther);
      waits.push_back({begin, steady_clock::now()});
    }
  });
  Span stop;
  if (read(from_parent, &stop, sizeof(stop)) != sizeof(stop)) _exit(kOther);
  over = true;
  waiter.join();
  // Up to a nap of the time is counted, by a clock of milliseconds.
  constexpr std::chrono::milliseconds kInexact = 20ms;
  int result = kNoWaitWasStopped;
  for (const Span& wait : waits) {
    if (wait.begin > stop.begin || wait.end < stop.end) continue;
    result = wait.length() < limit + stop.length() - kInexact ? kTheStopCounted : kGood;
  }
  _exit(result);
}

// The time for which the process is stopped is no waiting time: a wait takes as much longer.
TEST(ResilientSpinlock, StoppedProcessDoesNotWait) {
  int result = kNoWaitWasStopped;
  // Again if the process was stopped just between two waits.
  while (result == kNoWaitWasStopped) {
    int to_parent[2];
    int to_child[2];
    ASSERT_EQ(pipe(to_parent), 0);
    ASSERT_EQ(pipe(to_child), 0);
    const pid_t child = fork();
    if (child == 0) WaitWhileStopped(200ms, to_parent[1], to_child[0]);
    pid_t waiter = 0;
    ASSERT_EQ(read(to_parent[0], &waiter, sizeof(waiter)), static_cast<ssize_t>(sizeof(waiter)));
    ASSERT_TRUE(AwaitSleep(child, waiter));
    ASSERT_EQ(kill(child, SIGSTOP), 0);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
    // It is the passing of time that is tested here.
    Span stop = {steady_clock::now(), {}};
    while (stop.length() < 500ms) {
      std::this_thread::sleep_until(stop.begin + 500ms);
      stop.end = steady_clock::now();
    }
    ASSERT_EQ(kill(child, SIGCONT), 0);
    ASSERT_EQ(write(to_child[1], &stop, sizeof(stop)), static_cast<ssize_t>(sizeof(stop)));
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << status;
    result = WEXITSTATUS(status);
    for (const int fd : {to_parent[0], to_parent[1], to_child[0], to_child[1]}) close(fd);
  }
  EXPECT_EQ(result, kGood);
}

TEST(ResilientSpinlock, ChildOfAForkKeepsWhatTheForkingThreadHolds) {
  ResilientSpinlock mine;
  ResilientSpinlock others;
  ASSERT_EQ(mine.Acquire(), LockResult::kOk);
  std::atomic<int> phase{0};
  std::thread other([&] {
    ASSERT_EQ(others.Acquire(), LockResult::kOk);
    phase.store(1);
    phase.notify_one();
    phase.wait(1);
    others.unlock();
  });
  phase.wait(0);
  const pid_t child = fork();
  if (child == 0) {
    // The other thread is no more there to give its lock back.
    const bool good = mine.IsHeld() && mine.Acquire() == LockResult::kDeadlock &&
                      !internal::ProcessSlotTable()->HasEnded(internal::CurrentSlot()->id) &&
                      others.AcquireFor(1h) == LockResult::kDeadlock;
    mine.unlock();
    const bool free = mine.Acquire() == LockResult::kOk;
    _exit(good && free ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  phase.store(2);
  phase.notify_one();
  other.join();
  mine.unlock();
}

// The child of a fork has none of the waiters of which the lock tells.
template <class Lock>
void ForkWithAWaiterInTheLock(bool (*take)(Lock&), bool (*try_take)(Lock&)) {
  using Pending = internal::PendingByte<internal::LockWord>;
  Lock lock;
  static_assert(sizeof(lock) == sizeof(internal::LockWord));
  const auto& word = reinterpret_cast<const internal::LockWord&>(lock);
  ASSERT_TRUE(take(lock));
  std::thread waiter([&] {
    if (take(lock)) lock.unlock();
  });
  // Until it has slept for long enough to ask that the lock be left to it.
  while ((word.pending.load() & Pending::kReserve) == 0) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 3; ++i) {
      lock.unlock();
      if (!try_take(lock)) _exit(1);
    }
    lock.unlock();
    if (!take(lock)) _exit(2);
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  lock.unlock();
  waiter.join();
}

TEST(ResilientSpinlock, Bug_ChildOfAForkCouldNotTryALockThatItsParentWaitedFor) {
  const auto take = [](ResilientSpinlock& lock) { return lock.AcquireFor(1h) == LockResult::kOk; };
  ForkWithAWaiterInTheLock<ResilientSpinlock>(
      take, [](ResilientSpinlock& lock) { return lock.try_lock(); });
  ForkWithAWaiterInTheLock<ResilientSpinlock>(
      take, [](ResilientSpinlock& lock) { return lock.AcquireFor(0s) == LockResult::kOk; });
}

TEST(QueuedSpinlock, Bug_ChildOfAForkCouldNotTryALockThatItsParentWaitedFor) {
  ForkWithAWaiterInTheLock<QueuedSpinlock>(
      [](QueuedSpinlock& lock) {
        lock.lock();
        return true;
      },
      [](QueuedSpinlock& lock) { return lock.try_lock(); });
}

}  // namespace
}  // namespace rqlockdep
