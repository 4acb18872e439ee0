// Real threads, real locks, the real runtime: what a validated program sees.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/findings.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "tests/support/resident_memory.h"

#if defined(__clang__)
// Clang would warn of the very faults that are made here on purpose.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

// Thread sanitizer has a deadlock detector too, and would end the test at its first inversion.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

namespace {

using rqlockdep::LockResult;
using rqlockdep::QueuedSpinlock;
using rqlockdep::ResilientSpinlock;
using rqlockdep::Validated;

std::mutex findings_mutex;
std::vector<std::string> findings;  // "id\ntext"

class RuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    findings.clear();
    rqlockdep::SetFindingHandler([](const rqlockdep::FindingReport& report) {
      const std::scoped_lock guard(findings_mutex);
      findings.push_back(std::string(report.id) + "\n" + std::string(report.text));
    });
  }
  void TearDown() override { rqlockdep::SetFindingHandler(nullptr); }

  // The ids found since the test began, in order.
  static std::vector<std::string> Ids() {
    const std::scoped_lock guard(findings_mutex);
    std::vector<std::string> ids;
    for (const std::string& finding : findings)
      ids.push_back(finding.substr(0, finding.find('\n')));
    return ids;
  }
  static std::string Text(size_t i) { return findings.at(i); }
};

using Strings = std::vector<std::string>;

template <typename First, typename Second>
void Nest(First& first, Second& second) {
  const std::scoped_lock outer(first);
  const std::scoped_lock inner(second);
}
template <typename First, typename Second>
void NestBothWays(First& first, Second& second) {
  Nest(first, second);
  Nest(second, first);
}

// --- the wrappers ---

TEST_F(RuntimeTest, FindsAnInversionOfEveryKindOfMutex) {
  Validated<std::mutex> a;
  Validated<std::timed_mutex> b;
  NestBothWays(a, b);
  Validated<std::recursive_mutex> c;
  Validated<std::shared_mutex> d;
  NestBothWays(c, d);
  Validated<absl::Mutex> e;
  Validated<absl::Mutex> f;
  for (auto [outer, inner] : {std::pair{&e, &f}, std::pair{&f, &e}}) {
    outer->Lock();
    inner->Lock();
    inner->Unlock();
    outer->Unlock();
  }
  EXPECT_EQ(Ids(), (Strings{"circular-dependency", "circular-dependency", "circular-dependency"}));
}

TEST_F(RuntimeTest, SharedAndRecursiveNestingIsFine) {
  Validated<std::recursive_mutex> recursive;
  Validated<std::mutex> other;
  recursive.lock();
  other.lock();
  recursive.lock();
  recursive.unlock();
  other.unlock();
  recursive.unlock();
  Validated<std::shared_mutex> shared;
  shared.lock_shared();
  shared.unlock_shared();
  shared.lock();
  shared.unlock();
  EXPECT_EQ(Ids(), Strings{});
}

TEST_F(RuntimeTest, ATryIsNoOrderButATimedTryStalls) {
  Validated<std::timed_mutex> a;
  Validated<std::timed_mutex> b;
  Nest(a, b);
  b.lock();
  if (a.try_lock()) a.unlock();
  b.unlock();
  EXPECT_EQ(Ids(), Strings{});
  b.lock();
  if (a.try_lock_for(std::chrono::milliseconds(1))) a.unlock();
  b.unlock();
  EXPECT_EQ(Ids(), Strings{"resilient-cycle"});
}

// --- classes by construction ---

struct TwoMembers {
  ResilientSpinlock first;
  QueuedSpinlock second;
  QueuedSpinlock third;
};

TEST_F(RuntimeTest, MembersOfOneStructAreTwoClasses) {
  TwoMembers one;
  Nest(one.second, one.third);
  EXPECT_EQ(Ids(), Strings{});
  // Of another object: the same two classes.
  TwoMembers other;
  Nest(other.third, other.second);
  EXPECT_EQ(Ids(), Strings{"circular-dependency"});
}

TEST_F(RuntimeTest, ElementsOfAnArrayShareAClass) {
  QueuedSpinlock locks[3];
  Nest(locks[0], locks[2]);
  EXPECT_EQ(Ids(), Strings{"recursive-locking"});
}

TEST_F(RuntimeTest, ContainersGiveTheOwnersSite) {
  std::vector<QueuedSpinlock> first(2);
  std::vector<QueuedSpinlock> second(2);
  std::optional<QueuedSpinlock> third;
  third.emplace();
  const auto fourth = std::make_unique<QueuedSpinlock>();
  // Four classes: no recursion when one is taken inside another, and inversions are found.
  Nest(first[0], second[0]);
  Nest(second[1], *third);
  Nest(*third, *fourth);
  EXPECT_EQ(Ids(), Strings{});
  Nest(*fourth, first[1]);
  EXPECT_EQ(Ids(), Strings{"circular-dependency"});
}

constinit QueuedSpinlock constinit_lock;
QueuedSpinlock plain_lock;
constinit ResilientSpinlock constinit_array[3];

TEST_F(RuntimeTest, StaticLocksAreNamedByTheirSymbols) {
  NestBothWays(constinit_lock, plain_lock);
  ASSERT_EQ(Ids(), Strings{"circular-dependency"});
  EXPECT_NE(Text(0).find("constinit_lock"), std::string::npos) << Text(0);
  EXPECT_NE(Text(0).find("plain_lock"), std::string::npos) << Text(0);
}

// Bug: g++ 12 does not run the constructors of a constinit array, so its locks passed for
// qspinlocks, and a re-entry that fails by design was a self-deadlock.
TEST_F(RuntimeTest, Bug_ConstinitArrayKeepsItsKind) {
  ASSERT_EQ(constinit_array[1].Acquire(), LockResult::kOk);
  EXPECT_EQ(constinit_array[1].Acquire(), LockResult::kDeadlock);
  constinit_array[1].unlock();
  Nest(constinit_array[0], constinit_array[2]);
  EXPECT_EQ(Ids(), Strings{});
}

TEST_F(RuntimeTest, TheInitMacroIsTheClassOfACLock) {
  rqspinlock_t locks[2];
  for (rqspinlock_t& lock : locks) raw_res_spin_lock_init(&lock);
  raw_spinlock_t other;
  raw_spin_lock_init(&other);
  ASSERT_EQ(raw_res_spin_lock(&locks[0]), 0);
  raw_spin_lock(&other);
  raw_spin_unlock(&other);
  raw_res_spin_unlock(&locks[0]);
  raw_spin_lock(&other);
  ASSERT_EQ(raw_res_spin_lock(&locks[1]), 0);
  raw_res_spin_unlock(&locks[1]);
  raw_spin_unlock(&other);
  ASSERT_EQ(Ids(), Strings{"resilient-cycle"});
  EXPECT_NE(Text(0).find("other"), std::string::npos) << Text(0);
}

// --- intended use of resilient locks ---

TEST_F(RuntimeTest, FailuresByDesignAreSilent) {
  ResilientSpinlock a;
  ResilientSpinlock b;
  NestBothWays(a, b);
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  EXPECT_EQ(a.Acquire(), LockResult::kDeadlock);
  a.unlock();
  EXPECT_EQ(Ids(), Strings{});
}

TEST_F(RuntimeTest, RetryingWithoutUnwindingIsNot) {
  ResilientSpinlock a;
  ASSERT_EQ(a.Acquire(), LockResult::kOk);
  EXPECT_EQ(a.Acquire(), LockResult::kDeadlock);
  EXPECT_EQ(a.Acquire(), LockResult::kDeadlock);
  a.unlock();
  EXPECT_EQ(Ids(), Strings{"not-unwound"});
}

// --- faults ---

TEST_F(RuntimeTest, UnlockOfALockNotHeldIsFoundAndHarmless) {
  ResilientSpinlock lock;
  lock.unlock();
  EXPECT_EQ(Ids(), Strings{"unbalanced-release"});
  EXPECT_EQ(lock.Acquire(), LockResult::kOk);
  lock.unlock();
  EXPECT_EQ(Ids().size(), 1U);
}

TEST_F(RuntimeTest, AnIgnoredFailureDoesNotFreeTheOwnersLock) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  std::thread([&] {
    (void)lock.AcquireFor(std::chrono::milliseconds(1));
    lock.unlock();
  }).join();
  EXPECT_EQ(Ids(), Strings{"unbalanced-release"});
  std::thread([&] { EXPECT_FALSE(lock.try_lock()); }).join();
  lock.unlock();
  EXPECT_EQ(Ids().size(), 1U);
}

TEST_F(RuntimeTest, DestructionOfAHeldLockIsFound) {
  {
    ResilientSpinlock lock;
    ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  }
  EXPECT_EQ(Ids(), Strings{"held-lock-destroyed"});
}

// Bug: the record of the old lock made the first acquisition of the new one a self-deadlock.
TEST_F(RuntimeTest, Bug_ReinitialisedHeldLockIsANewOne) {
  raw_spinlock_t lock;
  raw_spin_lock_init(&lock);
  raw_spin_lock(&lock);
  raw_spin_lock_init(&lock);
  EXPECT_EQ(Ids(), Strings{"held-lock-destroyed"});
  raw_spin_lock(&lock);
  raw_spin_unlock(&lock);
  EXPECT_EQ(Ids().size(), 1U);
}

// Bug: a lock at the address of one that a thread had taken along to its end was held for ever.
TEST_F(RuntimeTest, Bug_EndedThreadsForgetDestroyedLocks) {
  std::optional<QueuedSpinlock> lock;
  lock.emplace();
  std::thread([&] { lock->lock(); }).join();
  lock.reset();
  EXPECT_EQ(Ids(), (Strings{"held-at-exit", "held-lock-destroyed"}));
  lock.emplace();
  lock->lock();
  lock->unlock();
  lock.reset();
  EXPECT_EQ(Ids().size(), 2U);
}

// Bug: each occurrence of a finding that was made before took memory for good.
TEST_F(RuntimeTest, Bug_RepeatedFindingsAreReportedOnce) {
  ResilientSpinlock lock;
  ASSERT_EQ(lock.Acquire(), LockResult::kOk);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(lock.Acquire(), LockResult::kDeadlock);
  lock.unlock();
  EXPECT_EQ(Ids(), Strings{"not-unwound"});
}

TEST_F(RuntimeTest, AThreadThatEndsWithALockIsFound) {
  const auto lock = std::make_unique<QueuedSpinlock>();
  std::thread([&] { lock->lock(); }).join();
  EXPECT_EQ(Ids(), Strings{"held-at-exit"});
  EXPECT_FALSE(lock->try_lock());
  rqlockdep::SetFindingHandler([](const rqlockdep::FindingReport&) {});
}

// --- signals and fork ---

QueuedSpinlock handler_lock;
volatile sig_atomic_t handler_runs = 0;

void Handler(int) {
  if (handler_lock.try_lock()) handler_lock.unlock();
  handler_runs = handler_runs + 1;
}

TEST_F(RuntimeTest, AHandlerMayInterruptAnything) {
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_handler = &Handler;
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  const pthread_t target = pthread_self();
  std::atomic<bool> done = false;
  std::thread sender([&] {
    while (!done.load(std::memory_order_relaxed)) {
      pthread_kill(target, SIGUSR1);
      sched_yield();
    }
  });
  // New orders all the time, so that the general path is interrupted too.
  for (int round = 0; round < 300 || handler_runs < 50; ++round) {
    const auto outer = std::make_unique<Validated<std::mutex>>();
    Validated<std::mutex> inner;
    Nest(*outer, inner);
    ResilientSpinlock lock;
    if (lock.Acquire() == LockResult::kOk) lock.unlock();
  }
  done.store(true, std::memory_order_relaxed);
  sender.join();
  ASSERT_EQ(sigaction(SIGUSR1, &old, nullptr), 0);
  EXPECT_GE(handler_runs, 50);
  EXPECT_EQ(Ids(), Strings{});
}

// What the parent found is not the child's to end with.
TEST_F(RuntimeTest, AChildBeginsWithNoFindings) {
  Validated<std::mutex> a;
  Validated<std::mutex> b;
  NestBothWays(a, b);
  EXPECT_GT(rqlockdep::FindingCount(), 0U);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(rqlockdep::FindingCount() == 0 ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(RuntimeTest, TheChildOfAThreadedProgramValidatesOn) {
  Validated<std::mutex> a;
  Validated<std::mutex> b;
  Nest(a, b);
  // Threads that are in and out of the validator while the process forks.
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!done.load(std::memory_order_relaxed)) {
        Validated<std::mutex> outer;
        Validated<std::mutex> inner;
        Nest(outer, inner);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const size_t before = rqlockdep::FindingCount();
      Nest(b, a);
      _exit(rqlockdep::FindingCount() == before + 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
}

// A thread of the parent waits, and another begins and ends waits, as the process forks. In the
// child neither is there, and a ring of its own threads is found.
TEST_F(RuntimeTest, TheChildFindsRingsWhateverTheParentWaitedFor) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer forbids threads in the child of a process with threads";
#endif
  QueuedSpinlock waited_for;
  QueuedSpinlock contended;
  std::atomic<bool> done = false;
  waited_for.lock();
  std::thread waiter([&] {
    waited_for.lock();
    waited_for.unlock();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!done.load(std::memory_order_relaxed)) {
        contended.lock();
        sched_yield();  // so that the other waits
        contended.unlock();
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ResilientSpinlock a;
      ResilientSpinlock b;
      std::atomic<int> failed = 0;
      std::atomic<int> ready = 0;
      const auto cross = [&](ResilientSpinlock& first, ResilientSpinlock& second) {
        if (first.Acquire() != rqlockdep::LockResult::kOk) _exit(2);
        ready.fetch_add(1);
        while (ready.load() < 2) sched_yield();
        if (second.AcquireFor(std::chrono::hours(1)) == rqlockdep::LockResult::kOk) {
          second.unlock();
        } else {
          failed.fetch_add(1);
        }
        first.unlock();
      };
      std::thread other([&] { cross(b, a); });
      cross(a, b);
      other.join();
      const Strings ids = Ids();
      const bool found = std::find(ids.begin(), ids.end(), "resilient-deadlock") != ids.end();
      _exit(failed == 1 && found ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done.store(true, std::memory_order_relaxed);
  waited_for.unlock();
  waiter.join();
  for (std::thread& thread : threads) thread.join();
}

// --- before and after main ---

struct UsesLocksInConstructor {
  UsesLocksInConstructor() { Nest(a, b); }
  ~UsesLocksInConstructor() { Nest(a, b); }
  Validated<std::mutex> a;
  Validated<std::mutex> b;
};
UsesLocksInConstructor before_and_after_main;

TEST_F(RuntimeTest, WhatWasLearntBeforeMainCounts) {
  Nest(before_and_after_main.b, before_and_after_main.a);
  EXPECT_EQ(Ids(), Strings{"circular-dependency"});
}

// Sanitizers keep something of every thread themselves, and make threads slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

TEST_F(RuntimeTest, ManyThreadsThatComeAndGo) {
  constexpr size_t kThreads = kSanitized ? 1'000 : 10'000;
  Validated<std::mutex> a;
  Validated<std::mutex> b;
  double early = 0;
  for (size_t i = 0; i < kThreads / 2; ++i) {
    // Two at once, so that it is not one thread's memory over and over.
    std::thread first([&] { Nest(a, b); });
    std::thread second([&] { Nest(a, b); });
    first.join();
    second.join();
    if (i == kThreads / 20) early = rqlockdep::ResidentBytes();
  }
  EXPECT_EQ(Ids(), Strings{});
  const double late = rqlockdep::ResidentBytes();
  // What stays is a thread's name; a lost ThreadState would be a hundred times as much.
  if (!kSanitized) {
    EXPECT_LT(late - early, 64.0 * kThreads);
  }
  Nest(b, a);
  EXPECT_EQ(Ids(), Strings{"circular-dependency"});
}

}  // namespace
