// What a thread must not take for judged before: bugs of the chain key, each with what it hid.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <thread>

#include "tests/unit/live_waits_fixture.h"

namespace rqlockdep {
namespace {

class KnownChainsTest : public LiveWaitsTest {
 protected:
  // A lock of `lock_class`. Those that are made later lie behind it.
  template <size_t kCount>
  struct InOrder {
    explicit InOrder(LockKind kind, const LockClass& lock_class) {
      for (size_t i = 0; i < kCount; ++i)
        new (memory + i * sizeof(hooks::LockMap)) hooks::LockMap(kind, lock_class);
    }
    hooks::LockMap& operator[](size_t i) { return reinterpret_cast<hooks::LockMap*>(memory)[i]; }
    alignas(hooks::LockMap) std::byte memory[kCount * sizeof(hooks::LockMap)];
  };

  void Release(ThreadState& thread, hooks::LockMap& lock) {
    validator_.Release(thread, lock, Site());
  }
  // Takes a lock without an edge to it.
  void Try(ThreadState& thread, hooks::LockMap& lock) {
    validator_.TryAcquire(thread, lock, {}, /*got_it=*/true, Site());
  }
  void Nest(ThreadState& thread, hooks::LockMap& outer, hooks::LockMap& inner) {
    Acquire(thread, outer);
    Acquire(thread, inner);
    Release(thread, inner);
    Release(thread, outer);
  }
  template <typename Body>
  void Interrupt(ThreadState& thread, Body body) {
    validator_.EnterContext(thread, ContextKind::kHard);
    body();
    validator_.LeaveContext(thread, Site());
  }
  long CountOf(FindingId id) const {
    return std::count_if(sink_.findings.begin(), sink_.findings.end(),
                         [id](const Finding& finding) { return finding.id == id; });
  }

  const LockClass ordered_{"ordered",
                           [](const void* held, const void* asked) { return held < asked; }};
};

// --- order functions: kept was whether all held locks are excused by it ---

TEST_F(KnownChainsTest, Bug_OrderExcusesOneLockAndTheNestLockTheOther) {
  InOrder<5> locks(LockKind::kMutex, ordered_);
  hooks::LockMap& nest = Lock();
  ThreadState& thread = Thread();
  Acquire(thread, locks[2]);
  Try(thread, nest);
  Try(thread, locks[4]);
  validator_.Acquire(thread, locks[3], {.nest = &nest}, Site());
  Release(thread, locks[3]);
  EXPECT_EQ(sink_.findings.size(), 0U);
  validator_.Acquire(thread, locks[0], {.nest = &nest}, Site());  // which nothing excuses after 2
  EXPECT_EQ(CountOf(FindingId::kRecursiveLocking), 1);
}

TEST_F(KnownChainsTest, Bug_OrderExcusesOneLockAndThatBothReadTheOther) {
  InOrder<5> locks(LockKind::kRwlock, ordered_);
  ThreadState& thread = Thread();
  Acquire(thread, locks[4], LockMode::kRecursiveReader);
  Try(thread, locks[1]);
  Acquire(thread, locks[2], LockMode::kRecursiveReader);
  Release(thread, locks[2]);
  EXPECT_EQ(sink_.findings.size(), 0U);
  Acquire(thread, locks[0], LockMode::kRecursiveReader);  // which nothing excuses after 1
  EXPECT_EQ(CountOf(FindingId::kRecursiveLocking), 1);
}

// --- a lock that is waited for was as good as one that is held ---

TEST_F(KnownChainsTest, Bug_AHandlerInterruptsTheWaitAndThenTheHold) {
  const LockClass& lock_class = classes_.emplace_back("class");
  hooks::LockMap& a = maps_.emplace_back(LockKind::kQspinlock, lock_class);
  hooks::LockMap& b = maps_.emplace_back(LockKind::kQspinlock, lock_class);
  ThreadState& thread = Thread();
  const auto handler = [&] {
    Acquire(thread, b);
    Release(thread, b);
  };
  Wait(thread, a);
  Interrupt(thread, handler);
  validator_.Acquired(thread, a);
  EXPECT_EQ(CountOf(FindingId::kRecursiveLocking), 0);
  Interrupt(thread, handler);
  EXPECT_EQ(CountOf(FindingId::kRecursiveLocking), 1);
}

TEST_F(KnownChainsTest, Bug_AHandlerInterruptsTheHoldOfAGuardAndThenTheWait) {
  hooks::LockMap& guard = Lock();
  hooks::LockMap& x = Lock(LockKind::kQspinlock);
  hooks::LockMap& y = Lock(LockKind::kQspinlock);
  ThreadState& thread = Thread();
  ThreadState& other = Thread();
  const auto handler = [&] { Nest(thread, x, y); };
  Acquire(thread, guard);
  Interrupt(thread, handler);
  Release(thread, guard);
  validator_.MaskContext(other, ContextKind::kHard);
  Acquire(other, guard);
  Nest(other, y, x);
  EXPECT_EQ(CountOf(FindingId::kCircularDependency), 0);
  Wait(thread, guard);
  Interrupt(thread, handler);
  EXPECT_EQ(CountOf(FindingId::kCircularDependency), 1);
}

TEST_F(KnownChainsTest, Bug_AnUndeclaredHandlerInterruptsTheWait) {
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  ThreadState& thread = Thread();
  Wait(thread, a);
  Acquire(thread, b);
  Release(thread, b);
  validator_.Acquired(thread, a);
  Acquire(thread, b);
  Release(thread, b);
  Release(thread, a);
  Nest(thread, b, a);
  EXPECT_EQ(CountOf(FindingId::kCircularDependency), 1);
}

// A wait that is over leaves the chain as if there had been none.
TEST_F(KnownChainsTest, AfterAWaitWhatWasKnownIsKnown) {
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  ThreadState& thread = Thread();
  Nest(thread, a, b);
  Acquire(thread, a);
  const ChainKey chain = thread.chain();
  Release(thread, a);
  const size_t chains = thread.chains.size();
  Wait(thread, a);
  EXPECT_NE(thread.chain(), chain);
  validator_.Acquired(thread, a);
  EXPECT_EQ(thread.chain(), chain);
  Acquire(thread, b);
  Release(thread, b);
  Release(thread, a);
  Nest(thread, a, b);
  EXPECT_EQ(thread.chains.size(), chains);
}

// --- what is known must stay known ---

// The thread remembered few classes of subclasses, and took the graph lock for the others again.
TEST_F(KnownChainsTest, Bug_ManySubclassesTakeTheGraphLock) {
  ThreadState& thread = Thread();
  std::deque<hooks::LockMap*> locks;
  for (int i = 0; i < 1000; ++i) locks.push_back(&Lock());
  const auto take_all = [&] {
    for (hooks::LockMap* lock : locks) {
      validator_.Acquire(thread, *lock, {.subclass = 1}, Site());
      Release(thread, *lock);
    }
  };
  take_all();
  validator_.graph_lock().lock();
  std::thread(take_all).join();  // hangs if it takes the lock
  validator_.graph_lock().unlock();
}

}  // namespace
}  // namespace rqlockdep
