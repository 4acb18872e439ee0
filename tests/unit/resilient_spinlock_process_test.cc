// Threads that end, processes that are stopped, and forks, with locks held or waited for.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "src/native_policy.h"
#include "src/pending_byte.h"
#include "src/thread_slot_table.h"
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
  std::atomic<bool> end{false};
  std::thread owner([&] {
    ASSERT_EQ(lock.Acquire(), LockResult::kOk);
    end.wait(false);
  });
  while (internal::ProcessSlotTable()->limit() == 0 || lock.try_lock()) {
    if (lock.IsHeld()) lock.unlock();
    std::this_thread::yield();
  }
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

// Waits until the thread sleeps in the kernel.
void AwaitSleep(pid_t process, pid_t thread) {
  const std::string path =
      "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/stat";
  for (std::string stat; stat.find(") S ") == std::string::npos; std::this_thread::yield()) {
    std::getline(std::ifstream(path), stat);
  }
}

// The time for which the process is stopped is no waiting time.
TEST(ResilientSpinlock, StoppedProcessDoesNotWait) {
  constexpr std::chrono::milliseconds kLimit = 1s;
  int to_parent[2];
  int to_child[2];
  ASSERT_EQ(pipe(to_parent), 0);
  ASSERT_EQ(pipe(to_child), 0);
  const pid_t child = fork();
  if (child == 0) {
    ResilientSpinlock lock;
    LockResult result = LockResult::kDeadlock;
    if (lock.Acquire() != LockResult::kOk) _exit(3);
    std::thread waiter([&] {
      const pid_t me = gettid();
      if (write(to_parent[1], &me, sizeof(me)) != sizeof(me)) _exit(4);
      result = lock.AcquireFor(kLimit);
    });
    char go;
    if (read(to_child[0], &go, 1) != 1) _exit(5);
    lock.unlock();
    waiter.join();
    _exit(result == LockResult::kOk ? 0 : 1);
  }
  pid_t waiter = 0;
  ASSERT_EQ(read(to_parent[0], &waiter, sizeof(waiter)), static_cast<ssize_t>(sizeof(waiter)));
  AwaitSleep(child, waiter);
  ASSERT_EQ(kill(child, SIGSTOP), 0);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  // It is the passing of time that is tested here.
  for (const auto end = steady_clock::now() + kLimit + 500ms; steady_clock::now() < end;) {
    std::this_thread::sleep_until(end);
  }
  ASSERT_EQ(kill(child, SIGCONT), 0);
  ASSERT_EQ(write(to_child[1], "g", 1), 1);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  for (const int fd : {to_parent[0], to_parent[1], to_child[0], to_child[1]}) close(fd);
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
