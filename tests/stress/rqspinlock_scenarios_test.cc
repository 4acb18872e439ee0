// The kernel's own tests of rqspinlock, as scenarios for this library: its BPF selftests, the three
// modes of its stress module, with signals for NMIs, and its lock torture.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// --- The selftests ------------------------------------------------------------------------------

TEST(RqspinlockScenarios, Aa) {
  ResilientSpinlock lock;
  ResilientSpinlock* const other_pointer = &lock;
  ASSERT_EQ(lock.AcquireFor(hours(1)), LockResult::kOk);
  EXPECT_EQ(other_pointer->AcquireFor(hours(1)), LockResult::kDeadlock);
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

// The kernel's table has 31 entries, and AA on a lock beyond them is only resolved by a timeout.
// Ours has no such end.
TEST(RqspinlockScenarios, HeldLockMax) {
  std::deque<ResilientSpinlock> locks(34);
  for (ResilientSpinlock& lock : locks) ASSERT_EQ(lock.AcquireFor(hours(1)), LockResult::kOk);
  EXPECT_EQ(locks[32].AcquireFor(hours(1)), LockResult::kDeadlock);
  for (auto lock = locks.rbegin(); lock != locks.rend(); ++lock) lock->unlock();
  for (ResilientSpinlock& lock : locks) EXPECT_FALSE(lock.IsHeld());
}

// 16 threads take A and then B, the main thread B and then A, until that fails. Only a deadlock can
// be the reason, and somebody fails in the end.
TEST(RqspinlockScenarios, AbAgainstBa) {
  ResilientSpinlock a;
  ResilientSpinlock b;
  std::atomic<bool> stop{false};
  std::atomic<int64_t> deadlocks{0};
  const auto take = [&](ResilientSpinlock& first, ResilientSpinlock& second) {
    ASSERT_EQ(first.AcquireFor(hours(1)), LockResult::kOk);
    const LockResult result = second.AcquireFor(hours(1));
    ASSERT_NE(result, LockResult::kTimedOut);
    if (result == LockResult::kOk) second.unlock();
    if (result == LockResult::kDeadlock) deadlocks.fetch_add(1);
    first.unlock();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      while (!stop.load() && !testing::Test::HasFatalFailure()) take(a, b);
    });
  }
  while (deadlocks.load() == 0 && !testing::Test::HasFatalFailure()) take(b, a);
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(a.try_lock() && b.try_lock());
  a.unlock();
  b.unlock();
}

// What the BPF verifier rejects, or accepts, before the program runs.
TEST(RqspinlockScenarios, NestingAndUnlocks) {
  ResilientSpinlock a;
  ResilientSpinlock b;
  {
    const std::lock_guard outer(a);
    std::unique_lock inner(b, std::defer_lock);
    ASSERT_TRUE(inner.try_lock());
  }
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  b.unlock();  // of another lock: nothing
  EXPECT_TRUE(a.IsHeld());
  ASSERT_EQ(b.Acquire(), LockResult::kOk);
  a.unlock();  // out of order: the kernel cannot, here it is normal
  EXPECT_FALSE(a.IsHeld());
  EXPECT_TRUE(b.IsHeld());
  EXPECT_EQ(b.Acquire(), LockResult::kDeadlock);
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  b.unlock();
  EXPECT_EQ(a.Acquire(), LockResult::kDeadlock);
  a.unlock();
}

// --- The stress module --------------------------------------------------------------------------

struct Counts {
  std::atomic<int64_t> got{0};
  std::atomic<int64_t> deadlocks{0};
  std::atomic<int64_t> timeouts{0};
  void Add(LockResult result) {
    if (result == LockResult::kOk) got.fetch_add(1, std::memory_order_relaxed);
    if (result == LockResult::kDeadlock) deadlocks.fetch_add(1, std::memory_order_relaxed);
    if (result == LockResult::kTimedOut) timeouts.fetch_add(1, std::memory_order_relaxed);
  }
};

// A lock and what it guards: not atomic, so a second owner shows in the sum, and under TSan.
struct Guarded {
  ResilientSpinlock lock;
  int64_t sections = 0;

  // For some microseconds.
  LockResult Section(microseconds limit, int spins) {
    const LockResult result = lock.AcquireFor(limit);
    if (result != LockResult::kOk) return result;
    ++sections;
    for (int i = 0; i < spins; ++i) asm volatile("");
    lock.unlock();
    return result;
  }
};

Guarded module_locks[3];
Counts in_threads;
Counts in_handlers;
thread_local Guarded* handlers_lock = nullptr;

microseconds module_limit;

void TakeHandlersLock(int) {
  if (handlers_lock == nullptr) return;
  const int saved_errno = errno;
  in_handlers.Add(handlers_lock->Section(module_limit, 200));
  errno = saved_errno;
}

// Each thread takes its lock over and over, and a handler on it takes another, or the same.
void RunModule(int locks, microseconds limit) {
  module_limit = limit;
  constexpr int kThreads = 6;
  struct sigaction action = {};
  action.sa_handler = &TakeHandlersLock;
  action.sa_flags = SA_RESTART;
  struct sigaction before;
  ASSERT_EQ(sigaction(SIGUSR2, &action, &before), 0);
  for (Counts* counts : {&in_threads, &in_handlers}) {
    counts->got = counts->deadlocks = counts->timeouts = 0;
  }
  for (Guarded& guarded : module_locks) guarded.sections = 0;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Guarded& mine = module_locks[(i + 1) % locks];
      handlers_lock = &module_locks[i % locks];
      while (!stop.load(std::memory_order_relaxed)) in_threads.Add(mine.Section(module_limit, 400));
      handlers_lock = nullptr;
    });
  }
  // Until handlers have run often enough, and threads got on after the last of them.
  const auto handled = [] {
    return in_handlers.got.load() + in_handlers.deadlocks.load() + in_handlers.timeouts.load();
  };
  for (size_t i = 0; handled() < 300; ++i) {
    pthread_kill(threads[i % kThreads].native_handle(), SIGUSR2);
    if (i % kThreads == 0) std::this_thread::yield();
  }
  const int64_t enough = in_threads.got.load() + 100;
  while (in_threads.got.load() < enough) std::this_thread::yield();
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  sigaction(SIGUSR2, &before, nullptr);
  int64_t sections = 0;
  for (Guarded& guarded : module_locks) {
    sections += guarded.sections;
    EXPECT_TRUE(guarded.lock.try_lock());
    guarded.lock.unlock();
  }
  EXPECT_EQ(sections, in_threads.got.load() + in_handlers.got.load());
  std::printf("threads: %lld got it, %lld deadlocks, %lld timeouts; handlers: %lld, %lld, %lld\n",
              static_cast<long long>(in_threads.got.load()),
              static_cast<long long>(in_threads.deadlocks.load()),
              static_cast<long long>(in_threads.timeouts.load()),
              static_cast<long long>(in_handlers.got.load()),
              static_cast<long long>(in_handlers.deadlocks.load()),
              static_cast<long long>(in_handlers.timeouts.load()));
}

// The thread's lock and its handler's are the same: AA, if the thread holds it, and only then. All
// other waits end, whatever they interrupt: an hour is the limit.
TEST(RqspinlockScenarios, StressModuleAa) {
  RunModule(1, hours(1));
  EXPECT_EQ(in_threads.deadlocks.load(), 0);
  EXPECT_EQ(in_threads.timeouts.load() + in_handlers.timeouts.load(), 0);
}
// If a handler interrupts an unlock, a deadlock through it has to wait for the limit
// (ring_search.h).
TEST(RqspinlockScenarios, StressModuleAbba) { RunModule(2, milliseconds(20)); }
TEST(RqspinlockScenarios, StressModuleAbbcca) { RunModule(3, milliseconds(20)); }

// --- Lock torture -------------------------------------------------------------------------------

// One lock, short and now and then long sections, one writer inside.
TEST(RqspinlockScenarios, LockTorture) {
  constexpr int kThreads = 8;
  Guarded guarded;
  std::atomic<int> inside{0};
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        ASSERT_EQ(guarded.lock.AcquireFor(hours(1)), LockResult::kOk);
        ASSERT_EQ(inside.fetch_add(1), 0);
        ++guarded.sections;
        if (i % 1000 == t) std::this_thread::yield();
        inside.fetch_sub(1);
        guarded.lock.unlock();
        sum.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(guarded.sections, sum.load());
}

}  // namespace
}  // namespace rqlockdep
