#include "rqlockdep/validated.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "rqlockdep/validated_absl.h"
#include "rqlockdep/validated_pthread.h"

// Locks are taken and given back across threads and functions here, and also wrongly.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety"
#endif

namespace rqlockdep {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

#if RQLOCKDEP_VALIDATOR

// What the hooks of this program heard, as text: "Acquire W blocking", ...
std::mutex* const log_mutex = new std::mutex;
std::vector<std::string>* const log = new std::vector<std::string>;
const hooks::LockMap* watched = nullptr;

void Log(const hooks::LockMap& map, const std::string& event) {
  const std::scoped_lock guard(*log_mutex);
  if (&map == watched) log->push_back(event);
}

std::string ToText(const hooks::AcquireArguments& arguments) {
  const char* const kModes[] = {"W", "r", "R"};
  const char* const kStrengths[] = {"blocking", "timed", "resilient", "try"};
  return std::string(kModes[static_cast<int>(arguments.mode)]) + " " +
         kStrengths[static_cast<int>(arguments.strength)];
}

using Events = std::vector<std::string>;

// Takes the log of the lock that was watched.
Events TakeLog() {
  const std::scoped_lock guard(*log_mutex);
  Events result;
  result.swap(*log);
  return result;
}

template <typename Lock>
void Watch(const Lock& lock) {
  TakeLog();
  watched = &lock.lock_map();
}

#endif

}  // namespace

#if RQLOCKDEP_VALIDATOR

namespace hooks {

void Construct(LockMap& map) { map.SetKey(LockMap::KeyType::kSite, __builtin_return_address(0)); }
void AcquirePlain(LockMap& map, PlainArguments arguments) {
  AcquireWith(map, arguments.unpacked());
}

void AcquireWith(LockMap& map, const AcquireArguments& arguments) {
  Log(map, "Acquire " + ToText(arguments));
}
bool Waiting(LockMap& map, CancelCallback, void*) {
  Log(map, "Waiting");
  return false;
}
void Acquired(LockMap& map) { Log(map, "Acquired"); }
void Failed(LockMap& map, FailReason reason) {
  Log(map, reason == FailReason::kTimedOut ? "Failed timed-out" : "Failed otherwise");
}
void TryAcquire(LockMap& map, const AcquireArguments& arguments, bool got_it) {
  Log(map, "TryAcquire " + ToText(arguments) + (got_it ? " got" : " busy"));
}
void Release(LockMap& map) { Log(map, "Release"); }
void Destroy(LockMap& map) { Log(map, "Destroy"); }

}  // namespace hooks

#endif

namespace {

template <typename T>
concept HasTimed = requires(T& t) {
  t.try_lock_for(milliseconds(1));
};
template <typename T>
concept HasShared = requires(T& t) {
  t.lock_shared();
};
template <typename T>
concept HasSharedTimed = requires(T& t) {
  t.try_lock_shared_until(steady_clock::now());
};
template <typename T>
concept HasTry = requires(T& t) {
  t.try_lock();
};
template <typename T>
concept HasNativeHandle = requires(T& t) {
  t.native_handle();
};

struct OnlyLock {
  void lock() {}
  void unlock() {}
};

struct Throwing {
  void lock() { throw 3; }
  void unlock() {}
};

TEST(ValidatedTest, HasWhatTheMutexHas) {
  static_assert(!HasTimed<Validated<std::mutex>> && !HasShared<Validated<std::mutex>>);
  static_assert(HasTry<Validated<std::mutex>> && HasNativeHandle<Validated<std::mutex>>);
  static_assert(HasTimed<Validated<std::timed_mutex>> && !HasShared<Validated<std::timed_mutex>>);
  static_assert(HasTimed<Validated<std::recursive_timed_mutex>>);
  static_assert(!HasTimed<Validated<std::shared_mutex>> && HasShared<Validated<std::shared_mutex>>);
  static_assert(!HasSharedTimed<Validated<std::shared_mutex>>);
  static_assert(HasSharedTimed<Validated<std::shared_timed_mutex>>);
  static_assert(!HasTry<Validated<OnlyLock>> && !HasNativeHandle<Validated<OnlyLock>>);
  static_assert(!std::is_copy_constructible_v<Validated<std::mutex>>);
}

TEST(ValidatedTest, Kinds) {
  static_assert(LockKindOf<std::mutex>::value == LockKind::kMutex);
  static_assert(LockKindOf<std::timed_mutex>::value == LockKind::kMutex);
  static_assert(LockKindOf<std::recursive_mutex>::value == LockKind::kRecursiveMutex);
  static_assert(LockKindOf<std::recursive_timed_mutex>::value == LockKind::kRecursiveMutex);
  static_assert(LockKindOf<std::shared_mutex>::value == LockKind::kRwsem);
  static_assert(LockKindOf<std::shared_timed_mutex>::value == LockKind::kRwsem);
  static_assert(LockKindOf<absl::Mutex>::value == LockKind::kRwsem);
}

constinit Validated<std::mutex> constant;
constinit Validated<absl::Mutex> constant_absl;

template <typename Mutex>
class ValidatedSizeTest : public testing::Test {};
using Mutexes =
    testing::Types<std::mutex, std::timed_mutex, std::recursive_mutex, std::recursive_timed_mutex,
                   std::shared_mutex, std::shared_timed_mutex, absl::Mutex>;
TYPED_TEST_SUITE(ValidatedSizeTest, Mutexes);

TYPED_TEST(ValidatedSizeTest, CostsNothingWithoutTheValidator) {
#if RQLOCKDEP_VALIDATOR
  EXPECT_LE(sizeof(Validated<TypeParam>), sizeof(TypeParam) + sizeof(hooks::LockMap));
#else
  EXPECT_EQ(sizeof(Validated<TypeParam>), sizeof(TypeParam));
#endif
}

// The mutual exclusion itself, and that ThreadSanitizer sees it.
TYPED_TEST(ValidatedSizeTest, Excludes) {
  Validated<TypeParam> mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const std::scoped_lock guard(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

TEST(ValidatedTest, WorksWithConditionVariableAny) {
  Validated<std::mutex> mutex;
  std::condition_variable_any changed;
  bool ready = false;
  std::thread thread([&] {
    const std::scoped_lock guard(mutex);
    ready = true;
    changed.notify_one();
  });
  {
    std::unique_lock guard(mutex);
    changed.wait(guard, [&] { return ready; });
  }
  thread.join();
}

TEST(ValidatedTest, WorksWithAbslCondVar) {
  Validated<absl::Mutex> mutex;
  absl::CondVar changed;
  bool ready = false;
  std::thread thread([&] {
    const std::scoped_lock guard(mutex);
    ready = true;
    changed.Signal();
  });
  mutex.Lock();
  while (!ready) mutex.Wait(changed);
  EXPECT_TRUE(mutex.WaitWithTimeout(changed, absl::Milliseconds(1)));
  mutex.AssertHeld();
  mutex.Unlock();
  thread.join();
}

// With the validator or without: pthread's calls, error numbers and sizes.
TEST(ValidatedTest, PthreadLocks) {
  ValidatedPthreadMutex mutex;
  EXPECT_LE(sizeof(mutex), sizeof(pthread_mutex_t) + sizeof(hooks::LockMap));
  EXPECT_EQ(mutex.Lock(), 0);
  std::thread([&] {
    EXPECT_EQ(mutex.TryLock(), EBUSY);
    EXPECT_EQ(mutex.TimedLock({0, 0}), ETIMEDOUT);
    EXPECT_FALSE(mutex.try_lock());
  }).join();
  EXPECT_EQ(mutex.Unlock(), 0);
  const std::unique_lock guard(mutex);

  pthread_rwlockattr_t attributes;
  ASSERT_EQ(pthread_rwlockattr_init(&attributes), 0);
  ValidatedPthreadRwlock lock(&attributes);
  EXPECT_LE(sizeof(lock), sizeof(pthread_rwlock_t) + sizeof(hooks::LockMap) + 8);
#if !RQLOCKDEP_VALIDATOR
  EXPECT_EQ(sizeof(mutex), sizeof(pthread_mutex_t));
  EXPECT_EQ(sizeof(lock), sizeof(pthread_rwlock_t));
#endif
  EXPECT_EQ(pthread_rwlockattr_destroy(&attributes), 0);
  EXPECT_EQ(lock.ReadLock(), 0);
  std::thread([&] {
    EXPECT_EQ(lock.TryReadLock(), 0);
    EXPECT_EQ(lock.Unlock(), 0);
    EXPECT_EQ(lock.TryWriteLock(), EBUSY);
    EXPECT_EQ(lock.TimedWriteLock({0, 0}), ETIMEDOUT);
  }).join();
  EXPECT_EQ(lock.Unlock(), 0);
  EXPECT_EQ(lock.WriteLock(), 0);
  std::thread([&] {
    EXPECT_EQ(lock.TryReadLock(), EBUSY);
    EXPECT_EQ(lock.TimedReadLock({0, 0}), ETIMEDOUT);
    EXPECT_FALSE(lock.try_lock_shared());
  }).join();
  EXPECT_EQ(lock.Unlock(), 0);
}

TEST(ValidatedTest, AbslReaders) {
  Validated<absl::Mutex> mutex;
  int value = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        {
          const std::shared_lock guard(mutex);
          EXPECT_GE(value, 0);
        }
        if (mutex.try_lock()) {
          ++value;
          mutex.unlock();
        }
        if (mutex.ReaderTryLock()) mutex.ReaderUnlock();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

#if RQLOCKDEP_VALIDATOR

TEST(ValidatedHooksTest, UncontendedLock) {
  Validated<std::mutex> mutex;
  Watch(mutex);
  mutex.lock();
  mutex.unlock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "Release"}));
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
  EXPECT_EQ(TakeLog(), (Events{"TryAcquire W try got", "Release"}));
}

TEST(ValidatedHooksTest, ContendedLockWaits) {
  Validated<std::mutex> mutex;
  mutex.underlying().lock();
  Watch(mutex);
  std::thread thread([&] {
    mutex.lock();
    mutex.underlying().unlock();
  });
  Events seen;
  while (seen.size() < 2) {
    for (std::string& event : TakeLog()) seen.push_back(event);
    std::this_thread::yield();
  }
  EXPECT_EQ(seen, (Events{"Acquire W blocking", "Waiting"}));
  std::thread other([&] { EXPECT_FALSE(mutex.try_lock()); });
  other.join();
  EXPECT_EQ(TakeLog(), (Events{"TryAcquire W try busy"}));
  mutex.underlying().unlock();
  thread.join();
  EXPECT_EQ(TakeLog(), (Events{"Acquired"}));
}

// The thread counted as holding a mutex that it does not have.
TEST(ValidatedHooksTest, Bug_ConditionWaitWithoutTheMutexCountedAsHavingIt) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer reports such a wait, and rightly";
#endif
  pthread_mutexattr_t attributes;
  ASSERT_EQ(pthread_mutexattr_init(&attributes), 0);
  ASSERT_EQ(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
  ValidatedPthreadMutex mutex(&attributes);
  EXPECT_EQ(pthread_mutexattr_destroy(&attributes), 0);
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  const timespec long_ago = {0, 0};
  Watch(mutex);
  EXPECT_EQ(mutex.Wait(condition), EPERM);
  EXPECT_EQ(mutex.TimedWait(condition, long_ago), EPERM);
  const Events failed = {"Release", "Acquire W blocking", "Waiting", "Failed otherwise"};
  Events expected = failed;
  expected.insert(expected.end(), failed.begin(), failed.end());
  EXPECT_EQ(TakeLog(), expected);
  EXPECT_EQ(mutex.Lock(), 0);
  EXPECT_EQ(mutex.TimedWait(condition, long_ago), ETIMEDOUT);
  EXPECT_EQ(mutex.Unlock(), 0);
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "Release", "Acquire W blocking", "Waiting",
                               "Acquired", "Release"}));
}

TEST(ValidatedHooksTest, Timed) {
  Validated<std::timed_mutex> mutex;
  Watch(mutex);
  EXPECT_TRUE(mutex.try_lock_for(milliseconds(1)));
  std::thread other([&] {
    EXPECT_FALSE(mutex.try_lock_for(milliseconds(1)));
    EXPECT_FALSE(mutex.try_lock_until(steady_clock::now() + milliseconds(1)));
  });
  other.join();
  mutex.unlock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire W timed", "Acquire W timed", "Waiting", "Failed timed-out",
                               "Acquire W timed", "Waiting", "Failed timed-out", "Release"}));
}

TEST(ValidatedHooksTest, Shared) {
  Validated<std::shared_timed_mutex> mutex;
  Watch(mutex);
  mutex.lock_shared();
  std::thread other([&] {
    EXPECT_TRUE(mutex.try_lock_shared());
    mutex.unlock_shared();
    EXPECT_TRUE(mutex.try_lock_shared_for(milliseconds(1)));
    mutex.unlock_shared();
    EXPECT_FALSE(mutex.try_lock_for(milliseconds(1)));
  });
  other.join();
  mutex.unlock_shared();
  EXPECT_EQ(TakeLog(),
            (Events{"Acquire r blocking", "TryAcquire r try got", "Release", "Acquire r timed",
                    "Release", "Acquire W timed", "Waiting", "Failed timed-out", "Release"}));
}

TEST(ValidatedHooksTest, Recursive) {
  Validated<std::recursive_mutex> mutex;
  Watch(mutex);
  mutex.lock();
  mutex.lock();
  mutex.unlock();
  mutex.unlock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "Acquire W blocking", "Release", "Release"}));
}

TEST(ValidatedHooksTest, ExceptionsEndTheWait) {
  Validated<Throwing> mutex;
  Watch(mutex);
  EXPECT_THROW(mutex.lock(), int);
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "Waiting", "Failed timed-out"}));
}

TEST(ValidatedHooksTest, WithoutTryLockItAlwaysSaysWaiting) {
  Validated<OnlyLock> mutex;
  Watch(mutex);
  mutex.lock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "Waiting", "Acquired"}));
}

TEST(ValidatedHooksTest, Absl) {
  std::optional<Validated<absl::Mutex>> mutex(std::in_place);
  Watch(*mutex);
  mutex->Lock();
  EXPECT_FALSE(mutex->TryLock());
  EXPECT_FALSE(mutex->ReaderTryLock());
  mutex->Unlock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire W blocking", "TryAcquire W try busy",
                               "TryAcquire r try busy", "Release"}));
  mutex->ReaderLock();
  mutex->ReaderUnlock();
  EXPECT_EQ(TakeLog(), (Events{"Acquire r blocking", "Release"}));
  mutex->underlying().Lock();
  std::thread thread([&] {
    mutex->WriterLock();
    mutex->WriterUnlock();
  });
  Events seen;
  while (seen.size() < 2) {
    for (std::string& event : TakeLog()) seen.push_back(event);
    std::this_thread::yield();
  }
  mutex->underlying().Unlock();
  thread.join();
  EXPECT_EQ(TakeLog(), (Events{"Acquired", "Release"}));
  mutex.reset();
  EXPECT_EQ(TakeLog(), (Events{"Destroy"}));
}

TEST(ValidatedHooksTest, Classes) {
  using KeyType = hooks::LockMap::KeyType;
  static constinit LockClass lock_class("name");
  Validated<std::mutex> named(lock_class);
  EXPECT_EQ(named.lock_map().key_type(), KeyType::kExplicit);
  EXPECT_EQ(named.lock_map().key(), &lock_class);
  Validated<std::mutex> a;
  Validated<std::mutex> b;
  EXPECT_EQ(a.lock_map().key_type(), KeyType::kSite);
#if !defined(__OPTIMIZE__)  // else the hook above, in the same file, is inlined
  EXPECT_NE(a.lock_map().key(), b.lock_map().key());
#endif
  Validated<absl::Mutex> c;
  Validated<absl::Mutex> d;
#if !defined(__OPTIMIZE__)
  EXPECT_NE(c.lock_map().key(), d.lock_map().key());
#endif
  EXPECT_EQ(constant.lock_map().key_type(), KeyType::kNone);
  EXPECT_EQ(constant.lock_map().kind(), LockKind::kMutex);
  EXPECT_EQ(constant_absl.lock_map().kind(), LockKind::kRwsem);
  EXPECT_EQ(static_cast<const void*>(&a), static_cast<const void*>(&a.lock_map()));
}

#else

TEST(ValidatedTest, ConstantsExistWithoutTheValidator) {
  const std::scoped_lock guard(constant, constant_absl);
}

#endif

}  // namespace
}  // namespace rqlockdep
