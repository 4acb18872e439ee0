#include "rqlockdep/resilient_spinlock.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <ratio>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_lock_guard.h"
#include "src/native_policy.h"
#include "src/spinlock_slow_path.h"
#include "src/thread_slot_table.h"
#include "tests/unit/resilient_spinlock_fixture.h"

namespace rqlockdep {
namespace {

using namespace std::chrono_literals;  // NOLINT(build/namespaces)
using std::chrono::duration;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

static_assert(sizeof(ResilientSpinlock) == 4);
static_assert(std::is_trivially_destructible_v<ResilientSpinlock>);
constinit ResilientSpinlock constant_initialised;

TEST(LockResult, Conversions) {
  EXPECT_EQ(NegativeErrno(LockResult::kOk), 0);
  EXPECT_EQ(NegativeErrno(LockResult::kDeadlock), -EDEADLK);
  EXPECT_EQ(NegativeErrno(LockResult::kTimedOut), -ETIMEDOUT);
  const std::error_code ok = LockResult::kOk;
  const std::error_code deadlock = LockResult::kDeadlock;
  const std::error_code timed_out = LockResult::kTimedOut;
  EXPECT_FALSE(ok);
  EXPECT_EQ(deadlock, std::errc::resource_deadlock_would_occur);
  EXPECT_EQ(timed_out, std::errc::timed_out);
  EXPECT_STREQ(ToString(LockResult::kTimedOut), "timed out");
}

TEST(SaturatingNanoseconds, RoundsUpAndSaturates) {
  using internal::SaturatingNanoseconds;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SaturatingNanoseconds(250ms), 250'000'000);
  EXPECT_EQ(SaturatingNanoseconds(nanoseconds::max()), kMost);
  EXPECT_EQ(SaturatingNanoseconds(nanoseconds::min()), 0);
  EXPECT_EQ(SaturatingNanoseconds(std::chrono::hours::max()), kMost);
  EXPECT_EQ(SaturatingNanoseconds(std::chrono::hours::min()), 0);
  EXPECT_EQ(SaturatingNanoseconds(duration<int64_t, std::exa>(1)), kMost);
  EXPECT_EQ(SaturatingNanoseconds(duration<int64_t, std::pico>(1)), 1);
  EXPECT_EQ(SaturatingNanoseconds(duration<int64_t, std::pico>(1001)), 2);
  EXPECT_EQ(SaturatingNanoseconds(duration<double>(1e300)), kMost);
  EXPECT_EQ(SaturatingNanoseconds(duration<double>(-1.0)), 0);
  EXPECT_EQ(SaturatingNanoseconds(duration<double>(std::numeric_limits<double>::quiet_NaN())), 0);
}

TEST(ResilientSpinlock, LocksAndUnlocks) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  EXPECT_TRUE(lock.IsHeld());
  EXPECT_FALSE(FreeForOthers(lock));
  lock.unlock();
  EXPECT_FALSE(lock.IsHeld());
  EXPECT_TRUE(FreeForOthers(lock));
  ASSERT_EQ(constant_initialised.Acquire(), LockResult::kOk);
  constant_initialised.unlock();
}

TEST(ResilientSpinlock, WorksWithTheStandardGuards) {
  ResilientSpinlock a;
  ResilientSpinlock b;
  {
    const std::lock_guard guard(a);
    EXPECT_TRUE(a.IsHeld());
  }
  {
    const std::scoped_lock guard(a, b);
    EXPECT_TRUE(a.IsHeld() && b.IsHeld());
  }
  {
    std::unique_lock guard(a, 10ms);
    EXPECT_TRUE(guard.owns_lock());
    std::unique_lock again(b, steady_clock::now() + 10ms);
    EXPECT_TRUE(again.owns_lock());
  }
  EXPECT_TRUE(FreeForOthers(a));
  EXPECT_TRUE(FreeForOthers(b));
}

TEST(ResilientSpinlock, LockThrowsTheReason) {
  ResilientSpinlock lock;
  const std::lock_guard guard(lock);
  try {
    lock.lock();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
  }
}

TEST(ResilientSpinlock, AaIsFoundWithoutAWaitWhateverTheLimit) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  EXPECT_EQ(lock.Acquire(), LockResult::kDeadlock);
  EXPECT_EQ(lock.AcquireFor(std::chrono::hours::max()), LockResult::kDeadlock);
  EXPECT_EQ(lock.AcquireFor(0ns), LockResult::kDeadlock);
  EXPECT_EQ(lock.AcquireUntil(steady_clock::time_point::max()), LockResult::kDeadlock);
  EXPECT_FALSE(lock.try_lock());
  EXPECT_TRUE(lock.IsHeld());
  EXPECT_FALSE(FreeForOthers(lock));
  lock.unlock();
  EXPECT_TRUE(FreeForOthers(lock));
}

TEST(ResilientSpinlock, TimesOutButNotEarly) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  OnAnotherThread([&] {
    for (const nanoseconds limit : {1ns, 50'000ns, 3'000'000ns, 20'000'000ns}) {
      const auto begin = steady_clock::now();
      EXPECT_EQ(lock.AcquireFor(limit), LockResult::kTimedOut);
      EXPECT_GE(steady_clock::now() - begin, limit);
      EXPECT_FALSE(lock.try_lock_until(begin + limit));
    }
    const auto system_end = std::chrono::system_clock::now() + 5ms;
    EXPECT_EQ(lock.AcquireUntil(system_end), LockResult::kTimedOut);
    EXPECT_GE(std::chrono::system_clock::now(), system_end);
    EXPECT_EQ(lock.AcquireUntil(std::chrono::system_clock::time_point::min()),
              LockResult::kTimedOut);
    EXPECT_EQ(lock.AcquireFor(-1s), LockResult::kTimedOut);
    EXPECT_FALSE(lock.IsHeld());
  });
  lock.unlock();
  EXPECT_TRUE(FreeForOthers(lock));
}

// A clock that a test moves. Each look at it takes a millisecond.
struct SteppedClock {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteppedClock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static time_point now() { return time_point(1ms * ++looks); }
  static inline int looks = 0;
};

// The end is part of the limit: at exactly the end the time is up, one tick before it is not.
TEST(ResilientSpinlock, LimitByAnotherClock) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  OnAnotherThread([&] {
    for (const int steps : {1, 2, 3, 7}) {
      SteppedClock::looks = 0;
      EXPECT_EQ(lock.AcquireUntil(SteppedClock::time_point(1ms * steps)), LockResult::kTimedOut);
      EXPECT_EQ(SteppedClock::looks, steps);
    }
  });
  lock.unlock();
}

TEST(ResilientSpinlock, UnlockOfALockNotHeldDoesNothing) {
  ResilientSpinlock lock;
  lock.unlock();
  EXPECT_TRUE(FreeForOthers(lock));
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  OnAnotherThread([&] {
    static_cast<void>(lock.AcquireFor(1ms));  // an ignored failure
    lock.unlock();
    EXPECT_FALSE(lock.try_lock());
  });
  EXPECT_TRUE(lock.IsHeld());
  lock.unlock();
  lock.unlock();
  EXPECT_TRUE(FreeForOthers(lock));
}

// Any number of locks, given back in any order, with tries and failures in between.
TEST(ResilientSpinlock, TableAgreesWithAModel) {
  constexpr size_t kLocks = 300;
  std::deque<ResilientSpinlock> locks(kLocks);
  std::vector<bool> held(kLocks, false);
  std::mt19937 random(2);
  for (int step = 0; step < 200'000; ++step) {
    // Drift between few and all.
    const size_t i = random() % (step / 20'000 % 2 == 0 ? kLocks : 40);
    switch (random() % 3) {
      case 0: {
        const LockResult result = locks[i].AcquireFor(0ns);
        ASSERT_EQ(result, held[i] ? LockResult::kDeadlock : LockResult::kOk);
        held[i] = true;
        break;
      }
      case 1:
        ASSERT_EQ(locks[i].try_lock(), !held[i]);
        held[i] = true;
        break;
      case 2:
        if (step / 20'000 % 2 == 0 && random() % 3 == 0) break;
        locks[i].unlock();
        held[i] = false;
        break;
    }
    ASSERT_EQ(locks[i].IsHeld(), held[i]);
  }
  for (ResilientSpinlock& lock : locks) lock.unlock();
  OnAnotherThread([&] {
    for (ResilientSpinlock& lock : locks) {
      EXPECT_TRUE(lock.try_lock());
      lock.unlock();
    }
  });
}

// A lock at the address of one that was destroyed while it was held, by this very thread, works;
// that it is somebody else's is no AA.
TEST(ResilientSpinlock, NewLockAtTheAddressOfAHeldOne) {
  OnAnotherThread([] {
    alignas(ResilientSpinlock) unsigned char memory[sizeof(ResilientSpinlock)];
    ASSERT_EQ((::new (memory) ResilientSpinlock)->Acquire(), LockResult::kOk);
    ResilientSpinlock& lock = *::new (memory) ResilientSpinlock;
    ASSERT_EQ(lock.Acquire(), LockResult::kOk);
    lock.unlock();
    std::atomic<int> phase{0};
    std::thread other([&] {
      ASSERT_EQ(lock.Acquire(), LockResult::kOk);
      phase.store(1);
      phase.notify_one();
      phase.wait(1);
      lock.unlock();
    });
    phase.wait(0);
    EXPECT_EQ(lock.AcquireFor(1ms), LockResult::kTimedOut);
    phase.store(2);
    phase.notify_one();
    other.join();
  });
}

// Threads that each hold a lock and ask for the next one's. Exactly one has to give way, and the
// others get theirs, whatever the length of the ring and whoever comes last.
void MakeRing(size_t length) {
  std::deque<ResilientSpinlock> locks(length);
  std::atomic<size_t> holding{0};
  std::atomic<int> victims{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < length; ++i) {
    threads.emplace_back([&, i] {
      ASSERT_EQ(locks[i].AcquireFor(1h), LockResult::kOk);
      if (holding.fetch_add(1) + 1 == length) holding.notify_all();
      for (size_t now = holding.load(); now != length; now = holding.load()) holding.wait(now);
      const LockResult result = locks[(i + 1) % length].AcquireFor(1h);
      if (result == LockResult::kDeadlock) victims.fetch_add(1);
      if (result == LockResult::kOk) locks[(i + 1) % length].unlock();
      ASSERT_NE(result, LockResult::kTimedOut);
      locks[i].unlock();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(victims.load(), 1) << "of " << length;
  for (ResilientSpinlock& lock : locks) EXPECT_TRUE(lock.try_lock());
  for (ResilientSpinlock& lock : locks) lock.unlock();
}

TEST(ResilientSpinlock, RingsHaveOneVictim) {
  for (const size_t length : {2, 3, 4, 8, 32}) {
    for (int i = 0; i < 4; ++i) MakeRing(length);
  }
  MakeRing(300);  // more threads than marks
}

// What a thread without a slot does: no table, no deadlock detection, but limits and mutual
// exclusion.
TEST(ResilientSpinlock, WithoutASlot) {
  using SlowPath = internal::SpinlockSlowPath<internal::NativePolicy>;
  struct NoObserver {
    bool Waiting(void (*)(void*), void*) { return false; }
    void Acquired() {}
    void Failed(LockResult) {}
  };
  internal::NativePolicy policy;
  SlowPath slow_path(policy);
  internal::LockWord a;
  internal::LockWord b;
  const auto acquire = [&slow_path](internal::LockWord& word) {
    return slow_path.Acquire(word, nullptr, nullptr, {.nanoseconds = 1'000'000}, NoObserver());
  };
  EXPECT_FALSE(slow_path.Release(a, nullptr));
  ASSERT_EQ(acquire(a), LockResult::kOk);
  EXPECT_TRUE(slow_path.HoldsUnlisted(a));
  ASSERT_TRUE(slow_path.TryAcquire(b, nullptr, nullptr));
  EXPECT_EQ(acquire(a), LockResult::kTimedOut);  // AA is not seen
  OnAnotherThread([&] {
    EXPECT_FALSE(slow_path.HoldsUnlisted(a));
    EXPECT_FALSE(slow_path.Release(a, nullptr));
    EXPECT_EQ(slow_path.Acquire(a, internal::CurrentSlot(), nullptr, {.nanoseconds = 1'000'000},
                                NoObserver()),
              LockResult::kTimedOut);
  });
  EXPECT_TRUE(slow_path.Release(a, nullptr));
  EXPECT_TRUE(slow_path.Release(b, nullptr));
  EXPECT_FALSE(slow_path.Release(b, nullptr));
  EXPECT_EQ(policy.UnlistedHolds(), 0);
  EXPECT_EQ(a.locked.load() + a.pending.load() + b.locked.load() + b.pending.load(), 0);
}

}  // namespace
}  // namespace rqlockdep
