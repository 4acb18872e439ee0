// A program without a fault, with every kind of lock, as users write them: several threads take
// random locks in one order, read and write, try against the order, nest within a class with all
// that excuses it, take a resilient lock again to get the error, and are interrupted by callbacks.
// The validator has nothing to say. With --config=tsan neither has ThreadSanitizer, all of whose
// reports are on here, its own deadlock detector's too.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/context.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "rqlockdep/validated_pthread.h"
#include "tests/runtime/finding_recorder.h"

namespace rqlockdep {
namespace {

using std::chrono::seconds;

// A lock and what it guards: plain variables, so that ThreadSanitizer sees whether it does.
// The class is given, because by construction site all locks of a Guarded<Lock> would be of one.
template <typename Lock>
struct Guarded {
  explicit Guarded(const LockClass& lock_class) : lock(lock_class) {}
  Lock lock;
  int written = 0;
};

const LockClass kSettingsClass("settings");
const LockClass kTableClass("table");
const LockClass kAccountClass("account",
                              [](const void* held, const void* asked) { return held < asked; });
const LockClass kJournalClass("journal");
const LockClass kDepthClass("depth");
const LockClass kChildClass("child");
const LockClass kCacheClass("cache");
const LockClass kFileClass("file");
const LockClass kIndexClass("index");
const LockClass kStampClass("stamp");
const LockClass kCallbackClass("callback");

class OrderlyProgram {
 public:
  static constexpr int kThreads = 4;
  static constexpr int kRounds = 1000;

  void RunThread(unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kRounds; ++i) Settings(random);
  }
  // How often anything was written, as the guarded variables say.
  int written() const {
    int all = settings_.written + table_.written + journal_.written + depth_.written +
              cache_.written + file_.written + index_.written + stamp_.written + callback_.written;
    for (const auto& account : accounts_) all += account.written;
    for (const auto& child : children_) all += child.written;
    return all;
  }
  int expected() const { return expected_; }

 private:
  static bool Chance(std::mt19937& random) { return random() % 2 == 0; }
  template <typename Lock>
  void Write(Guarded<Lock>& guarded) {
    ++guarded.written;
    expected_.fetch_add(1, std::memory_order_relaxed);
  }

  // The layers, from the outermost lock to the innermost.
  void Settings(std::mt19937& random) {
    if (Chance(random)) {
      const std::shared_lock guard(settings_.lock);
      Table(random);
    } else {
      const std::scoped_lock guard(settings_.lock);
      Write(settings_);
      Table(random);
    }
  }
  void Table(std::mt19937& random) {
    if (Chance(random)) {
      const std::shared_lock guard(table_.lock);
      Accounts(random);
    } else {
      const std::scoped_lock guard(table_.lock);
      Write(table_);
      Accounts(random);
    }
  }
  void Accounts(std::mt19937& random) {
    const size_t first = random() % (accounts_.size() - 1);
    const std::scoped_lock guard(accounts_[first].lock);
    Write(accounts_[first]);
    if (Chance(random)) {
      const std::scoped_lock next_guard(accounts_[first + 1].lock);
      Write(accounts_[first + 1]);
      Journal(random);
    } else {
      Journal(random);
    }
  }
  void Journal(std::mt19937& random) {
    // Not with try_lock_for: what libstdc++ calls there g++ 12's ThreadSanitizer does not know.
    const std::scoped_lock guard(journal_.lock);
    Write(journal_);
    Children(random);
    // Who only tries may go against the order.
    if (settings_.lock.try_lock_shared()) settings_.lock.unlock_shared();
    if (Chance(random)) {
      const std::scoped_lock again(depth_.lock);
      const std::scoped_lock and_again(depth_.lock);
      Write(depth_);
    }
    Cache(random);
  }
  // In any order, but under the journal's lock.
  void Children(std::mt19937& random) {
    const size_t first = random() % children_.size();
    const size_t second = (first + 1 + random() % (children_.size() - 1)) % children_.size();
    const Nested nested = {.nest = &journal_.lock};
    children_[first].lock.lock(nested);
    children_[second].lock.lock(nested);
    Write(children_[first]);
    Write(children_[second]);
    children_[first].lock.unlock();
    children_[second].lock.unlock();
  }
  void Cache(std::mt19937& random) {
    if (Chance(random)) {
      const std::shared_lock guard(cache_.lock);
      File(random);
    } else {
      const std::scoped_lock guard(cache_.lock);
      Write(cache_);
      File(random);
    }
  }
  void File(std::mt19937& random) {
    const std::scoped_lock guard(file_.lock);
    Write(file_);
    if (Chance(random)) {
      const SoftContextScope callback;
      const std::scoped_lock callback_guard(callback_.lock);
      Write(callback_);
    }
    Index(random);
  }
  void Index(std::mt19937& random) {
    ASSERT_TRUE(index_.lock.try_lock_for(seconds(1000))) << "nobody is in a ring";
    Write(index_);
    if (Chance(random)) {
      EXPECT_EQ(index_.lock.Acquire(), LockResult::kDeadlock);
    } else {
      const std::scoped_lock guard(stamp_.lock);
      Write(stamp_);
    }
    index_.lock.unlock();
  }

  using Account = Guarded<Validated<std::mutex>>;
  using Child = Guarded<QueuedSpinlock>;

  Guarded<ValidatedPthreadRwlock> settings_{kSettingsClass};
  Guarded<Validated<std::shared_mutex>> table_{kTableClass};
  std::array<Account, 4> accounts_{Account(kAccountClass), Account(kAccountClass),
                                   Account(kAccountClass), Account(kAccountClass)};
  Guarded<Validated<std::timed_mutex>> journal_{kJournalClass};
  Guarded<Validated<std::recursive_mutex>> depth_{kDepthClass};
  std::array<Child, 3> children_{Child(kChildClass), Child(kChildClass), Child(kChildClass)};
  Guarded<Validated<absl::Mutex>> cache_{kCacheClass};
  Guarded<ValidatedPthreadMutex> file_{kFileClass};
  Guarded<ResilientSpinlock> index_{kIndexClass};
  Guarded<QueuedSpinlock> stamp_{kStampClass};
  Guarded<QueuedSpinlock> callback_{kCallbackClass};
  std::atomic<int> expected_{0};
};

using OrderlyProgramTest = FindingRecorder;

TEST_F(OrderlyProgramTest, FindsNothing) {
  OrderlyProgram program;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= OrderlyProgram::kThreads; ++seed) {
    threads.emplace_back([&program, seed] { program.RunThread(seed); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ids(), Strings());
  EXPECT_EQ(program.written(), program.expected());
  EXPECT_GE(program.expected(), 5 * OrderlyProgram::kThreads * OrderlyProgram::kRounds);
}

}  // namespace
}  // namespace rqlockdep
