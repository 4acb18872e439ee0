// ResilientSpinlock in signal handlers.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "tests/unit/resilient_spinlock_fixture.h"

namespace rqlockdep {
namespace {

using namespace std::chrono_literals;  // NOLINT(build/namespaces)

ResilientSpinlock* handler_lock = nullptr;
std::atomic<int> handler_got{0};
std::atomic<int> handler_deadlocks{0};
std::atomic<int> handler_timeouts{0};
std::atomic<int> handlers_inside{0};

void LockingHandler(int) {
  const int saved_errno = errno;
  handlers_inside.fetch_add(1);
  switch (handler_lock->AcquireFor(1h)) {
    case LockResult::kOk:
      handler_got.fetch_add(1);
      handler_lock->unlock();
      break;
    case LockResult::kDeadlock:
      handler_deadlocks.fetch_add(1);
      break;
    case LockResult::kTimedOut:
      handler_timeouts.fetch_add(1);
      break;
  }
  handlers_inside.fetch_sub(1);
  errno = saved_errno;
}

// A handler asks for the lock that the code it interrupts takes and gives back all the time. An
// hour is its limit: this ends only if every AA is found, and every other wait ends.
TEST(ResilientSpinlock, HandlerAsksForTheLockOfTheCodeItInterrupts) {
  ResilientSpinlock lock;
  handler_lock = &lock;
  struct sigaction action = {};
  action.sa_handler = &LockingHandler;
  action.sa_flags = SA_NODEFER;  // handlers nest
  struct sigaction before;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  std::atomic<bool> stop{false};
  int64_t counter = 0;
  int64_t sections[2] = {};
  std::vector<std::thread> threads;
  for (int64_t& mine : sections) {
    threads.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        if (lock.AcquireFor(1h) != LockResult::kOk) continue;
        ++counter;
        ++mine;
        lock.unlock();
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    // While the owner of the lock is off its processor they nest, on one stack.
    while (handlers_inside.load() > 100) std::this_thread::yield();
    for (std::thread& thread : threads) pthread_kill(thread.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(counter, sections[0] + sections[1]);
  EXPECT_EQ(handler_timeouts.load(), 0);
  EXPECT_GT(handler_got.load() + handler_deadlocks.load(), 0);
  EXPECT_TRUE(FreeForOthers(lock));
}

}  // namespace
}  // namespace rqlockdep
