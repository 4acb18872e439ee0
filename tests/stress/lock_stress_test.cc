// Random programs on real threads, more of them than processors: spread over all processors, all on
// one, and all on one under SCHED_FIFO. Seeded: --gtest_random_seed. RQLOCKDEP_STRESS_SECONDS=600
// for longer runs (all tests together; a few seconds by default).
//
//   - Programs whose locks are always taken in one order never see kDeadlock, and with limits that
//   are
//     never reached nobody fails at all.
//   - Programs that take locks in any order never hang, whatever deadlocks they run into; and who
//   was
//     failed with kDeadlock held something.
//   - Rings made on purpose, among bystanders, have exactly one victim each.
//   - Somebody always gets on: a watchdog ends the test when nobody has for very long.
// In all of them a lock has one owner at a time, and all locks are free and in order at the end.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
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
using std::chrono::steady_clock;

constexpr int kTests = 4 * 3;  // times placements

std::chrono::duration<double> Duration() {
  const char* const seconds = std::getenv("RQLOCKDEP_STRESS_SECONDS");
  return std::chrono::duration<double>((seconds != nullptr ? std::atof(seconds) : 6.0) / kTests);
}

uint32_t Seed() {
  return static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1;
}

struct Guarded {
  ResilientSpinlock lock;
  QueuedSpinlock regular;
  // Not atomic: the lock guards it, so TSan sees a missing order and the sums show a second owner.
  int64_t sections = 0;

  void Enter(std::mt19937& random) {
    ++sections;
    // Sometimes off the processor, sometimes for long: of the order of a nap.
    if (random() % 64 == 0) std::this_thread::yield();
    if (random() % 1024 == 0) std::this_thread::sleep_for(microseconds(random() % 3000));
    const uint32_t most = random() % 128 == 0 ? 20'000 : 50;
    for (uint32_t i = random() % most; i != 0; --i) asm volatile("");
  }
};

enum class Placement { kAnywhere, kOneProcessor, kOneProcessorFifo };

// Puts the calling thread, and the threads that it makes, where they belong. False if the kernel
// does not allow it.
bool Place(Placement placement) {
  if (placement == Placement::kAnywhere) return true;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return false;
  int last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(last, &allowed)) --last;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) return false;
  if (placement != Placement::kOneProcessorFifo) return true;
  const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_FIFO)};
  return sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

// Ends the process if nobody notes progress for a minute, of which this thread was able to run at
// least every second: a stopped or starved process does not count.
class Watchdog {
 public:
  Watchdog() : thread_([this] { Watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  static void NoteProgress() { progress.fetch_add(1, std::memory_order_relaxed); }

 private:
  void Watch() {
    constexpr int kPatience = 60;
    std::unique_lock lock(mutex_);
    int64_t last = -1;
    for (int idle = 0;
         !changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });) {
      const int64_t now = progress.load(std::memory_order_relaxed);
      idle = now == last ? idle + 1 : 0;
      last = now;
      if (idle >= kPatience) {
        std::fprintf(stderr, "nobody got on for %d seconds: a waiter was forgotten\n", idle);
        std::abort();
      }
    }
  }

  static inline std::atomic<int64_t> progress{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

class LockStress : public testing::TestWithParam<Placement> {
 protected:
  // The body of a test, on a thread where the placement says; the test's own stays where it is,
  // with the watchdog.
  void RunPlaced(const std::function<void()>& body) {
    std::string refused;
    std::thread([&] {
      if (Place(GetParam())) {
        body();
      } else {
        refused = std::strerror(errno);
      }
    }).join();
    if (!refused.empty()) GTEST_SKIP() << "the kernel refuses: " << refused;
  }

 private:
  Watchdog watchdog_;
};

std::string NameOf(const testing::TestParamInfo<Placement>& info) {
  switch (info.param) {
    case Placement::kAnywhere:
      return "Anywhere";
    case Placement::kOneProcessor:
      return "OneProcessor";
    case Placement::kOneProcessorFifo:
      return "OneProcessorFifo";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Placements, LockStress,
                         testing::Values(Placement::kAnywhere, Placement::kOneProcessor,
                                         Placement::kOneProcessorFifo),
                         &NameOf);

// Runs `body` (given its own random numbers and thread number) over and over on `threads` threads,
// in any case until `enough`.
void RunOnThreads(
    int threads, const std::function<void(std::mt19937&, int)>& body,
    const std::function<bool()>& enough = [] { return true; }) {
  const auto end = steady_clock::now() + Duration();
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      std::mt19937 random(Seed() * 1000 + static_cast<uint32_t>(t));
      // On a slow or busy machine at least a few.
      for (int i = 0; i < 20 || steady_clock::now() < end || !enough(); ++i) {
        if (testing::Test::HasFatalFailure()) break;
        body(random, t);
        Watchdog::NoteProgress();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
}

template <class Locks>
void ExpectAllFree(Locks& locks) {
  for (Guarded& guarded : locks) {
    EXPECT_TRUE(guarded.lock.try_lock());
    EXPECT_TRUE(guarded.regular.try_lock());
    guarded.regular.unlock();
    guarded.lock.unlock();
  }
}

void ConsistentOrderNeverFails() {
  constexpr int kThreads = 12;
  std::deque<Guarded> locks(8);
  std::atomic<int64_t> sections{0};
  RunOnThreads(kThreads, [&](std::mt19937& random, int) {
    // A random set, in ascending order, given back in random order; some through regular locks.
    std::vector<Guarded*> held;
    for (Guarded& guarded : locks) {
      if (random() % 3 != 0) continue;
      ASSERT_EQ(guarded.lock.AcquireFor(hours(1)), LockResult::kOk);
      if (random() % 4 == 0) {
        guarded.regular.lock();
        guarded.regular.unlock();
      }
      guarded.Enter(random);
      sections.fetch_add(1, std::memory_order_relaxed);
      held.push_back(&guarded);
    }
    while (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      held.back()->lock.unlock();
      held.pop_back();
    }
  });
  int64_t sum = 0;
  for (const Guarded& guarded : locks) sum += guarded.sections;
  EXPECT_EQ(sum, sections.load());
  EXPECT_GT(sum, 0);
  ExpectAllFree(locks);
}

void AnyOrderNeverHangs() {
  constexpr int kThreads = 12;
  std::deque<Guarded> locks(6);
  std::atomic<int64_t> sections{0};
  std::atomic<int64_t> deadlocks{0};
  std::atomic<int64_t> timeouts{0};
  const auto some_of_each = [&] { return deadlocks.load() > 0 && timeouts.load() > 0; };
  const auto take_some = [&](std::mt19937& random, int) {
    std::vector<Guarded*> held;
    for (int want = 1 + static_cast<int>(random() % 3); want != 0; --want) {
      Guarded& guarded = locks[random() % locks.size()];
      // An hour: only deadlock detection can end a deadlock. Or a short limit, or a try.
      LockResult result;
      switch (random() % 8) {
        case 0:
          result = guarded.lock.AcquireFor(microseconds(random() % 300));
          break;
        case 1:
          result = guarded.lock.try_lock() ? LockResult::kOk : LockResult::kTimedOut;
          break;
        default:
          result = guarded.lock.AcquireFor(hours(1));
          break;
      }
      if (result == LockResult::kOk) {
        guarded.Enter(random);
        sections.fetch_add(1, std::memory_order_relaxed);
        held.push_back(&guarded);
        continue;
      }
      if (result == LockResult::kDeadlock) {
        ASSERT_FALSE(held.empty()) << "who holds nothing is on no ring";
        deadlocks.fetch_add(1, std::memory_order_relaxed);
      } else {
        timeouts.fetch_add(1, std::memory_order_relaxed);
      }
      break;  // gives back what it has
    }
    for (Guarded* guarded : held) guarded->lock.unlock();
  };
  RunOnThreads(kThreads, take_some, some_of_each);
  int64_t sum = 0;
  for (const Guarded& guarded : locks) sum += guarded.sections;
  EXPECT_EQ(sum, sections.load());
  EXPECT_GT(deadlocks.load(), 0);
  EXPECT_GT(timeouts.load(), 0);
  std::printf("%lld sections, %lld deadlocks, %lld timeouts\n", static_cast<long long>(sum),
              static_cast<long long>(deadlocks.load()), static_cast<long long>(timeouts.load()));
  ExpectAllFree(locks);
}

void SeededRingsHaveOneVictimEach() {
  const auto end = steady_clock::now() + Duration();
  std::mt19937 random(Seed());
  int rings = 0;
  // Bystanders hold a lock of their own and wait for members' locks. They must never be failed.
  std::deque<Guarded> locks(40);
  std::atomic<bool> stop{false};
  std::vector<std::thread> bystanders;
  for (size_t b = 0; b < 3; ++b) {
    bystanders.emplace_back([&, b] {
      std::mt19937 mine(Seed() + 77 + static_cast<uint32_t>(b));
      ResilientSpinlock own;
      while (!stop.load()) {
        ASSERT_EQ(own.Acquire(), LockResult::kOk);
        Guarded& other = locks[mine() % locks.size()];
        ASSERT_EQ(other.lock.AcquireFor(hours(1)), LockResult::kOk);
        other.Enter(mine);
        other.lock.unlock();
        own.unlock();
      }
    });
  }
  while (rings < 20 || steady_clock::now() < end) {
    const size_t length = 2 + random() % (random() % 8 == 0 ? 38 : 6);
    std::atomic<size_t> holding{0};
    std::atomic<int> victims{0};
    std::vector<std::thread> members;
    for (size_t i = 0; i < length; ++i) {
      members.emplace_back([&, i] {
        ResilientSpinlock& mine = locks[i].lock;
        ResilientSpinlock& next = locks[(i + 1) % length].lock;
        ASSERT_EQ(mine.AcquireFor(hours(1)), LockResult::kOk);
        if (holding.fetch_add(1) + 1 == length) holding.notify_all();
        for (size_t now = holding.load(); now != length; now = holding.load()) holding.wait(now);
        const LockResult result = next.AcquireFor(hours(1));
        ASSERT_NE(result, LockResult::kTimedOut);
        if (result == LockResult::kDeadlock) {
          victims.fetch_add(1);
        } else {
          next.unlock();
        }
        mine.unlock();
      });
    }
    for (std::thread& member : members) member.join();
    ASSERT_EQ(victims.load(), 1) << "ring of " << length;
    Watchdog::NoteProgress();
    ++rings;
  }
  stop.store(true);
  for (std::thread& bystander : bystanders) bystander.join();
  std::printf("%d rings\n", rings);
  ExpectAllFree(locks);
}

// Many more waiters than processors: everybody gets a turn. (That one who cannot announce itself
// any more is woken shows in tests/interleavings/waiting_steps_test.cc. Here only few sleep on the
// word, because most have a place in the queue.)
void ManyWaitersNoneForgotten() {
  constexpr int kThreads = 160;
  Guarded guarded;
  std::atomic<int64_t> sections{0};
  RunOnThreads(kThreads, [&](std::mt19937& random, int) {
    ASSERT_EQ(guarded.lock.AcquireFor(hours(1)), LockResult::kOk);
    guarded.Enter(random);
    if (random() % 16 == 0) {
      for (int i = 0; i < 3; ++i) std::this_thread::yield();
    }
    sections.fetch_add(1, std::memory_order_relaxed);
    guarded.lock.unlock();
  });
  EXPECT_EQ(guarded.sections, sections.load());
  EXPECT_TRUE(guarded.lock.try_lock());
  guarded.lock.unlock();
}

TEST_P(LockStress, ConsistentOrderNeverFails) { RunPlaced(&ConsistentOrderNeverFails); }
TEST_P(LockStress, AnyOrderNeverHangs) { RunPlaced(&AnyOrderNeverHangs); }
TEST_P(LockStress, SeededRingsHaveOneVictimEach) { RunPlaced(&SeededRingsHaveOneVictimEach); }
TEST_P(LockStress, ManyWaitersNoneForgotten) { RunPlaced(&ManyWaitersNoneForgotten); }

}  // namespace
}  // namespace rqlockdep
