// Wait ranks in a running program: of every kind, and those that a class declares.
#include <gtest/gtest.h>

#include <deque>
#include <iterator>
#include <mutex>
#include <string>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/context.h"
#include "rqlockdep/hooks.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/validated.h"
#include "tests/runtime/finding_recorder.h"

namespace rqlockdep {
namespace {

const Strings kNothing;
const Strings kInvalid = {"invalid-wait-context"};

// The table of docs/trace-format.md.
struct KindRanks {
  LockKind kind;
  int outer;
  int inner;
};
constexpr KindRanks kKinds[] = {
    {LockKind::kQspinlock, 2, 2},
    {LockKind::kRqspinlock, 2, 2},
    {LockKind::kRawSpinlock, 2, 2},
    {LockKind::kSpinlock, 3, 3},
    {LockKind::kRwlock, 3, 3},
    {LockKind::kFairRwlock, 3, 3},
    {LockKind::kMutex, 4, 4},
    {LockKind::kRtmutex, 4, 4},
    {LockKind::kRecursiveMutex, 4, 4},
    {LockKind::kRwsem, 4, 4},
    {LockKind::kLocalLock, 3, 3},
    {LockKind::kMap, 0, 0},
    {LockKind::kSection, 1, 3},
    {LockKind::kSectionNopreempt, 1, 2},
    {LockKind::kSectionSleepable, 1, 0},
};
static_assert(std::size(kKinds) == kLockKindCount);

// Any kind of lock, as the validator sees it; nobody else is there to wait for.
class AnyLock {
 public:
  explicit AnyLock(LockKind kind, WaitRanks ranks = {})
      : map_(kind, Classes().emplace_back("any", nullptr, ranks)) {}
  ~AnyLock() { hooks::Destroy(map_); }
  AnyLock(const AnyLock&) = delete;
  AnyLock& operator=(const AnyLock&) = delete;

  void lock() {
    hooks::AcquireArguments arguments;
    const LockKind kind = map_.kind();
    if (kind == LockKind::kRqspinlock) arguments.strength = Strength::kResilient;
    if (kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
        kind == LockKind::kSectionSleepable) {
      arguments.mode = LockMode::kRecursiveReader;
    }
    arguments.kind = kind;
    hooks::Acquire(map_, arguments);
  }
  void unlock() { hooks::Release(map_); }

 private:
  static std::deque<LockClass>& Classes() {
    static auto* const classes = new std::deque<LockClass>;  // classes outlive all locks
    return *classes;
  }
  hooks::LockMap map_;
};

class WaitRankTest : public FindingRecorder {
 protected:
  // What comes of asking for `inner` while `outer` is held.
  static bool Complains(AnyLock& outer, AnyLock& inner) {
    const size_t before = Ids().size();
    Nest(outer, inner);
    return Ids().size() > before;
  }
};

TEST_F(WaitRankTest, EveryKindInsideEveryOther) {
  int complaints = 0;
  for (const KindRanks& held : kKinds) {
    for (const KindRanks& asked : kKinds) {
      AnyLock outer(held.kind);
      AnyLock inner(asked.kind);
      const int rank = held.inner == 0 ? 5 : held.inner;
      EXPECT_EQ(Complains(outer, inner), asked.outer > rank)
          << static_cast<int>(asked.kind) << " inside " << static_cast<int>(held.kind);
      complaints += asked.outer > rank ? 1 : 0;
    }
  }
  EXPECT_EQ(Ids(), Strings(complaints, "invalid-wait-context"));
}

TEST_F(WaitRankTest, EveryKindInEveryContext) {
  for (const KindRanks& asked : kKinds) {
    for (const ContextKind context :
         {ContextKind::kHard, ContextKind::kHardThreaded, ContextKind::kSoft}) {
      AnyLock lock(asked.kind);
      const size_t before = Ids().size();
      const hooks::ContextMark mark = hooks::EnterContext(context, 0);
      LockAndUnlock(lock);
      hooks::LeaveContext(mark);
      const int rank = context == ContextKind::kHard ? 2 : 3;
      EXPECT_EQ(Ids().size() > before, asked.outer > rank)
          << static_cast<int>(asked.kind) << " in " << static_cast<int>(context);
    }
  }
}

TEST_F(WaitRankTest, AClassDeclaresWhatItNeeds) {
  AnyLock spinlock(LockKind::kQspinlock);
  AnyLock short_mutex(LockKind::kMutex, {.outer = WaitRank::kSpin});
  EXPECT_FALSE(Complains(spinlock, short_mutex));
  AnyLock mutex(LockKind::kMutex);
  EXPECT_FALSE(Complains(short_mutex, mutex)) << "what it leaves is the kind's";
  AnyLock slow_spinlock(LockKind::kQspinlock, {.outer = WaitRank::kSleep});
  EXPECT_TRUE(Complains(spinlock, slow_spinlock));
}

TEST_F(WaitRankTest, AClassDeclaresWhatItLeaves) {
  AnyLock mutex(LockKind::kMutex);
  AnyLock spinlock(LockKind::kSpinlock);
  AnyLock spins_for(LockKind::kMutex, {.inner = WaitRank::kSpin});
  EXPECT_TRUE(Complains(spins_for, mutex));
  EXPECT_NE(Text(0).find("holds any"), std::string::npos) << Text(0);
  EXPECT_TRUE(Complains(spins_for, spinlock));
  AnyLock leaves_all(LockKind::kQspinlock, {.inner = WaitRank::kUnchecked});
  EXPECT_FALSE(Complains(leaves_all, mutex));
  AnyLock needs_nothing(LockKind::kMutex, {.outer = WaitRank::kUnchecked});
  EXPECT_FALSE(Complains(spins_for, needs_nothing));
}

// Real locks with an explicit class, and one that C code declares.
constinit LockClass short_class("short", nullptr, {.outer = WaitRank::kSpin});

TEST_F(WaitRankTest, OfRealLocks) {
  QueuedSpinlock spinlock;
  Validated<std::mutex> mutex;
  Validated<std::mutex> short_mutex(short_class);
  Nest(spinlock, short_mutex);
  EXPECT_EQ(Ids(), kNothing);
  Nest(spinlock, mutex);
  EXPECT_EQ(Ids(), kInvalid);

  static const rqlockdep_lock_class kSleepable = {"sleepable", nullptr, 0,
                                                  static_cast<uint8_t>(WaitRank::kUnchecked)};
  raw_spinlock_t lock;
  rqlockdep_raw_spinlock_init(&lock, &kSleepable);
  raw_spin_lock(&lock);
  LockAndUnlock(mutex);
  raw_spin_unlock(&lock);
  EXPECT_EQ(Ids().size(), 1U);
}

}  // namespace
}  // namespace rqlockdep
