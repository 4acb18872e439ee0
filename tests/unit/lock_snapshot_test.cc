// The locks of all threads, read while threads come: nobody who was there before is left out.
#include "validator/lock_snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>

#include "tests/support/uneventful_validator.h"
#include "validator/core/arena.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

// A thread that began between the counting and the looking pushed the oldest one out of the list.
TEST(LockSnapshotTest, OldThreadsAreShownWhileNewOnesBegin) {
  constexpr int kNewThreads = 2000;
  static constexpr LockClass kClass("lock");
  OneStack environment;
  NoFindings sink;
  Validator validator(environment, sink, Validator::Options());
  hooks::LockMap old_lock(LockKind::kMutex, kClass);
  ThreadState* const oldest = validator.NewThread();
  validator.Acquire(*oldest, old_lock, {}, {{1}});
  std::atomic<bool> done{false};
  std::thread others([&] {
    hooks::LockMap lock(LockKind::kMutex, kClass);
    for (int i = 0; i < kNewThreads; ++i) {
      validator.Acquire(*validator.NewThread(), lock, {}, {{1}});
    }
    done.store(true);
  });
  const auto check = [&](size_t* count) {
    Arena arena;
    size_t without_locks = 0;
    const auto threads = TakeLockSnapshot(validator, arena, &without_locks);
    *count = threads.size();
    return !threads.empty() && threads.front().thread == oldest->id() &&
           threads.front().locks.size() == 1 && threads.front().locks[0].instance == &old_lock;
  };
  bool shown = true;
  size_t count = 0;
  while (shown && !done.load()) shown = check(&count);
  others.join();
  EXPECT_TRUE(shown) << "not among " << count << " threads";
  EXPECT_TRUE(check(&count));
  EXPECT_EQ(count, kNewThreads + 1U);
}

}  // namespace
}  // namespace rqlockdep
