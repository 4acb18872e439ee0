// Readers and writers of every sort, and the kinds of pthread mutexes: each verdict from a running
// program and from the trace of the same events.
#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "rqlockdep/validated_pthread.h"
#include "tests/runtime/finding_recorder.h"
#include "tests/support/thread_states.h"
#include "validator/core/finding.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"

extern "C" const char* __tsan_default_options();  // NOLINT
// A test unlocks what is not locked.
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0:report_mutex_bugs=0"; }

namespace rqlockdep {
namespace {

using IdSet = std::set<std::string>;

IdSet IdsOfTrace(const std::string& events) {
  const TraceReadResult read = ReadTrace("lock-trace 1\n" + events);
  EXPECT_FALSE(read.error.has_value()) << read.error->message << "\n" << events;
  Replay replay(read.trace, "trace");
  EXPECT_FALSE(replay.Run().has_value()) << events;
  IdSet ids;
  for (const Finding& finding : replay.findings()) ids.insert(ToString(finding.id));
  return ids;
}

// Steps are of two letters, what and to which lock:
//   r, w: acquire shared, exclusively; t: try exclusively; u, s: release exclusive, shared hold
//   a, b: two reader/writer locks; m: a mutex beside them (w and u only)
struct Scenario {
  const char* name;
  const char* steps;
  IdSet recursive;      // what it gives where readers are recursive
  IdSet not_recursive;  // and where they are not
};

const IdSet kNone;
const IdSet kCircular = {"circular-dependency"};

const std::vector<Scenario> kScenarios = {
    {"ReadInRead", "ra ra sa sa", kNone, {"recursive-locking"}},
    {"ReadersBothWays", "ra rb sb sa rb ra sa sb", kNone, kCircular},
    {"WritersBothWays", "wa wb ub ua wb wa ua ub", kCircular, kCircular},
    {"ReadInWriteBothWays", "wa rb sb ua wb ra sa ub", kCircular, kCircular},
    {"WriteInReadBothWays", "ra wb ub sa rb wa ua sb", kCircular, kCircular},
    {"ReadInReadAndReadInWrite", "ra rb sb sa wb ra sa ub", kNone, kCircular},
    {"ReadInReadAndWriteInRead", "ra rb sb sa rb wa ua sb", kNone, kCircular},
    {"ReadInReadAndWriteInWrite", "ra rb sb sa wb wa ua ub", kCircular, kCircular},
    {"MutexInReadAndReadInMutex", "ra wm um sa wm ra sa um", kNone, kCircular},
    {"MutexInReadAndWriteInMutex", "ra wm um sa wm wa ua um", kCircular, kCircular},
    {"MutexInWriteAndReadInMutex", "wa wm um ua wm ra sa um", kCircular, kCircular},
    {"TryOtherWayRound", "wa wb ub ua wb ta ua ub", kNone, kNone},
    {"OneWay", "ra rb sb sa wa wb ub ua ra wb ub sa", kNone, kNone},
};

// The flavours. `Lock` has the standard's names.
struct PthreadAttributes {
  explicit PthreadAttributes(int kind) {
    pthread_rwlockattr_init(&value);
    EXPECT_EQ(pthread_rwlockattr_setkind_np(&value, kind), 0);
  }
  ~PthreadAttributes() { pthread_rwlockattr_destroy(&value); }
  pthread_rwlockattr_t value;
};

template <int kKind>
struct PthreadFlavour {
  static constexpr bool kRecursive = kKind != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
  using Lock = ValidatedPthreadRwlock;
  static std::unique_ptr<Lock> Make(const LockClass& lock_class) {
    const PthreadAttributes attributes(kKind);
    return std::make_unique<Lock>(lock_class, &attributes.value);
  }
};
template <typename Mutex>
struct ClassFlavour {
  static constexpr bool kRecursive = false;
  using Lock = Validated<Mutex>;
  static std::unique_ptr<Lock> Make(const LockClass& lock_class) {
    return std::make_unique<Lock>(lock_class);
  }
};

template <typename Flavour>
class ReaderWriterTest : public FindingRecorder {
 protected:
  // Fresh classes for each scenario: what was learnt before must not count.
  struct Locks {
    explicit Locks(std::vector<std::unique_ptr<LockClass>>& classes)
        : a(Flavour::Make(*classes.emplace_back(std::make_unique<LockClass>("A")))),
          b(Flavour::Make(*classes.emplace_back(std::make_unique<LockClass>("B")))),
          m(*classes.emplace_back(std::make_unique<LockClass>("M"))) {}
    std::unique_ptr<typename Flavour::Lock> a;
    std::unique_ptr<typename Flavour::Lock> b;
    Validated<std::mutex> m;
  };

  static void Do(Locks& locks, const std::string& step) {
    if (step == "wm") return locks.m.lock();
    if (step == "um") return locks.m.unlock();
    typename Flavour::Lock& lock = step[1] == 'a' ? *locks.a : *locks.b;
    switch (step[0]) {
      case 'r':
        return lock.lock_shared();
      case 'w':
        return lock.lock();
      case 't':
        ASSERT_TRUE(lock.try_lock());
        return;
      case 'u':
        return lock.unlock();
      case 's':
        return lock.unlock_shared();
      default:
        FAIL() << step;
    }
  }

  static std::string TraceOf(const std::vector<std::string>& steps) {
    // The kinds of one rank: whether a reader is recursive is all that differs here.
    const std::string kind = Flavour::kRecursive ? "rwlock" : "rwsem";
    std::string text = "lock a " + kind + "\nlock b " + kind + "\nlock m " +
                       (Flavour::kRecursive ? "spinlock" : "mutex") + "\n";
    for (const std::string& step : steps) {
      const bool releases = step[0] == 'u' || step[0] == 's';
      text += std::string("T ") + (releases ? "release " : "acquire ") + step[1] +
              (step[0] == 'r'   ? " read"
               : step[0] == 't' ? " try"
                                : "") +
              "\n";
    }
    return text;
  }

  // Outlive the locks, and the validator's interest in them.
  static std::vector<std::unique_ptr<LockClass>>& classes() {
    static auto* const kept = new std::vector<std::unique_ptr<LockClass>>;
    return *kept;
  }
};

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size(); i += 3) words.push_back(text.substr(i, 2));
  return words;
}

using Flavours = ::testing::Types<PthreadFlavour<PTHREAD_RWLOCK_PREFER_READER_NP>,
                                  PthreadFlavour<PTHREAD_RWLOCK_PREFER_WRITER_NP>,
                                  PthreadFlavour<PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP>,
                                  ClassFlavour<std::shared_mutex>,
                                  ClassFlavour<std::shared_timed_mutex>, ClassFlavour<absl::Mutex>>;
TYPED_TEST_SUITE(ReaderWriterTest, Flavours);

TYPED_TEST(ReaderWriterTest, TheProgramAndItsTraceGiveTheVerdict) {
  for (const Scenario& scenario : kScenarios) {
    const IdSet& expected = TypeParam::kRecursive ? scenario.recursive : scenario.not_recursive;
    FindingRecorder::SetUp();
    typename TestFixture::Locks locks(TestFixture::classes());
    const std::vector<std::string> steps = Split(scenario.steps);
    for (const std::string& step : steps) TestFixture::Do(locks, step);
    const Strings found = FindingRecorder::Ids();
    EXPECT_EQ(IdSet(found.begin(), found.end()), expected) << scenario.name;
    EXPECT_EQ(IdsOfTrace(TestFixture::TraceOf(steps)), expected) << scenario.name;
  }
}

// Readers and writers that really wait for one another.
TYPED_TEST(ReaderWriterTest, ThreadsThatWait) {
  typename TestFixture::Locks locks(TestFixture::classes());
  int value = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 300; ++round) {
        if (i != 0) {
          const std::scoped_lock guard(*locks.a);
          ++value;
          if (round % 16 == 0) std::this_thread::yield();
        } else {
          const std::shared_lock guard(*locks.a);
          EXPECT_GE(value, 0);
          if (round % 16 == 0) std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value, 600);
  EXPECT_EQ(FindingRecorder::Ids(), Strings{});
}

// --- what glibc does ---

enum class Readers { kPass, kWait };

// Whether a reader is let in while another reads and a writer waits.
void ExpectBehindAWriter(int kind, Readers readers) {
  const PthreadAttributes attributes(kind);
  pthread_rwlock_t lock;
  EXPECT_EQ(pthread_rwlock_init(&lock, &attributes.value), 0);
  EXPECT_EQ(pthread_rwlock_rdlock(&lock), 0);
  std::atomic<pid_t> writer_id = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    writer_id = gettid();
    EXPECT_EQ(pthread_rwlock_wrlock(&lock), 0);
    EXPECT_EQ(pthread_rwlock_unlock(&lock), 0);
    done = true;
  });
  while (writer_id == 0) sched_yield();
  ASSERT_TRUE(AwaitSleep(getpid(), writer_id));
  // Most likely that was in the lock. Who is kept out knows for certain.
  int attempts_left = 1000;
  int error = 0;
  while (error == 0 && (readers == Readers::kWait || --attempts_left > 0)) {
    error = pthread_rwlock_tryrdlock(&lock);
    if (error == 0) pthread_rwlock_unlock(&lock);
    sched_yield();
  }
  EXPECT_EQ(error, readers == Readers::kWait ? EBUSY : 0);
  EXPECT_FALSE(done);
  EXPECT_EQ(pthread_rwlock_unlock(&lock), 0);
  writer.join();
  EXPECT_EQ(pthread_rwlock_destroy(&lock), 0);
}

TEST(GlibcTest, TheKindThatDecidesWhetherReadersAreRecursive) {
  ExpectBehindAWriter(PTHREAD_RWLOCK_PREFER_READER_NP, Readers::kPass);
  ExpectBehindAWriter(PTHREAD_RWLOCK_PREFER_WRITER_NP, Readers::kPass);
  ExpectBehindAWriter(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, Readers::kWait);
}

// --- pthread's errors and kinds of mutexes ---

class PthreadTest : public FindingRecorder {
 protected:
  static std::unique_ptr<ValidatedPthreadMutex> MakeMutex(int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    auto mutex = std::make_unique<ValidatedPthreadMutex>(&attributes);
    pthread_mutexattr_destroy(&attributes);
    return mutex;
  }
  static timespec Soon() {
    timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += 60;
    return time;
  }
};

TEST_F(PthreadTest, AnErrorcheckMutexFailsAndIsFound) {
  const auto mutex = MakeMutex(PTHREAD_MUTEX_ERRORCHECK);
  ASSERT_EQ(mutex->Lock(), 0);
  EXPECT_EQ(mutex->Lock(), EDEADLK);
  EXPECT_EQ(FindingRecorder::Ids(), Strings{"recursive-locking"});
  EXPECT_EQ(IdsOfTrace("lock a mutex\nT acquire a\nT acquire a\n"), IdSet{"recursive-locking"});
  // It failed: one hold is left.
  EXPECT_EQ(mutex->Unlock(), 0);
  EXPECT_EQ(FindingRecorder::Ids().size(), 1U);
  EXPECT_EQ(mutex->Unlock(), EPERM);
  EXPECT_EQ(FindingRecorder::Ids().back(), "unbalanced-release");
  EXPECT_EQ(IdsOfTrace("lock a mutex\nT acquire a\nT release a\nT release a\n"),
            IdSet{"unbalanced-release"});
}

TEST_F(PthreadTest, ARecursiveMutexCounts) {
  const auto mutex = MakeMutex(PTHREAD_MUTEX_RECURSIVE);
  const auto inner = MakeMutex(PTHREAD_MUTEX_NORMAL);
  ASSERT_EQ(mutex->Lock(), 0);
  ASSERT_EQ(inner->Lock(), 0);
  ASSERT_EQ(mutex->Lock(), 0);
  ASSERT_EQ(mutex->TryLock(), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(mutex->Unlock(), 0);
  EXPECT_EQ(inner->Unlock(), 0);
  EXPECT_EQ(FindingRecorder::Ids(), Strings{});
  EXPECT_EQ(IdsOfTrace("lock a recursive_mutex\nlock b mutex\n"
                       "T acquire a\nT acquire b\nT acquire a\nT acquire a try\n"
                       "T release a\nT release a\nT release a\nT release b\n"),
            kNone);
}

TEST_F(PthreadTest, ATimedLockStallsAndATryDoesNot) {
  ValidatedPthreadMutex a;
  ValidatedPthreadMutex b;
  Nest(a, b);
  b.lock();
  EXPECT_EQ(a.TryLock(), 0);
  a.unlock();
  EXPECT_EQ(FindingRecorder::Ids(), Strings{});
  EXPECT_EQ(a.TimedLock(Soon()), 0);
  a.unlock();
  b.unlock();
  EXPECT_EQ(FindingRecorder::Ids(), Strings{"resilient-cycle"});
  EXPECT_EQ(IdsOfTrace("lock a mutex\nlock b mutex\nT acquire a\nT acquire b\nT release b\n"
                       "T release a\nT acquire b\nT acquire a timed\n"),
            IdSet{"resilient-cycle"});
}

TEST_F(PthreadTest, TimeRunsOut) {
  ValidatedPthreadMutex mutex;
  ValidatedPthreadRwlock lock;
  mutex.lock();
  lock.lock();
  std::thread([&] {
    const timespec over = {0, 0};
    EXPECT_EQ(mutex.TimedLock(over), ETIMEDOUT);
    EXPECT_EQ(mutex.TryLock(), EBUSY);
    EXPECT_EQ(lock.TimedReadLock(over), ETIMEDOUT);
    EXPECT_EQ(lock.TimedWriteLock(over), ETIMEDOUT);
    EXPECT_EQ(lock.TryReadLock(), EBUSY);
    EXPECT_EQ(lock.TryWriteLock(), EBUSY);
  }).join();  // and ends without a lock
  mutex.unlock();
  lock.unlock();
  EXPECT_EQ(FindingRecorder::Ids(), Strings{});
}

TEST_F(PthreadTest, ARwlockTellsItsWriterOfADeadlock) {
  ValidatedPthreadRwlock lock;
  lock.lock();
  EXPECT_EQ(lock.ReadLock(), EDEADLK);
  EXPECT_EQ(lock.WriteLock(), EDEADLK);
  EXPECT_THROW(lock.lock_shared(), std::system_error);
  lock.unlock();
  const Strings found = FindingRecorder::Ids();
  EXPECT_EQ(IdSet(found.begin(), found.end()), IdSet{"recursive-locking"});
  EXPECT_EQ(IdsOfTrace("lock a rwlock\nT acquire a\nT acquire a read\nT acquire a\n"),
            IdSet{"recursive-locking"});
}

TEST_F(PthreadTest, AConditionGivesTheMutexBack) {
  ValidatedPthreadMutex mutex;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  bool ready = false;
  mutex.lock();
  std::thread other([&] {
    const std::scoped_lock guard(mutex);
    ready = true;
    pthread_cond_signal(&condition);
  });
  while (!ready) EXPECT_EQ(mutex.Wait(condition), 0);
  EXPECT_EQ(mutex.TimedWait(condition, {0, 0}), ETIMEDOUT);
  mutex.unlock();
  other.join();
  EXPECT_EQ(FindingRecorder::Ids(), Strings{});
}

constinit ValidatedPthreadMutex static_mutex;
constinit ValidatedPthreadRwlock static_rwlock;

TEST_F(PthreadTest, StaticLocksNeedNoConstructor) {
  Nest(static_mutex, static_rwlock);
  Nest(static_rwlock, static_mutex);
  ASSERT_EQ(FindingRecorder::Ids(), Strings{"circular-dependency"});
  EXPECT_NE(Text(0).find("static_rwlock"), std::string::npos) << Text(0);
}

}  // namespace
}  // namespace rqlockdep
