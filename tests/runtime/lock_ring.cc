#include "tests/runtime/lock_ring.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <latch>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "rqlockdep/validated_pthread.h"

#if defined(__clang__)
// The functions that lock and those that unlock are not the same.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {
namespace {

template <typename Mutex>
class ExclusiveLock : public RingLock {
 public:
  explicit ExclusiveLock(const LockClass& lock_class) : mutex_(lock_class) {}
  void Hold() override { mutex_.lock(); }
  void GiveBackOwn() override { mutex_.unlock(); }
  bool Ask() override {
    mutex_.lock();
    return true;
  }
  void GiveBack() override { mutex_.unlock(); }

 protected:
  Mutex& mutex() { return mutex_; }

 private:
  Mutex mutex_;
};

class RecursiveLock : public ExclusiveLock<Validated<std::recursive_mutex>> {
 public:
  using ExclusiveLock::ExclusiveLock;
  void Hold() override {
    mutex().lock();
    mutex().lock();
  }
  void GiveBackOwn() override {
    mutex().unlock();
    mutex().unlock();
  }
};

class TimedLock : public ExclusiveLock<Validated<std::timed_mutex>> {
 public:
  using ExclusiveLock::ExclusiveLock;
  // By the system's clock: thread sanitizer does not know how the steady one's locks are taken.
  bool Ask() override {
    return mutex().try_lock_until(std::chrono::system_clock::now() + std::chrono::hours(1));
  }
};

template <typename Mutex, bool kHeldShared, bool kAskedShared>
class SharedLock : public ExclusiveLock<Mutex> {
 public:
  using ExclusiveLock<Mutex>::ExclusiveLock;
  void Hold() override {
    if (kHeldShared) return this->mutex().lock_shared();
    this->mutex().lock();
  }
  void GiveBackOwn() override {
    if (kHeldShared) return this->mutex().unlock_shared();
    this->mutex().unlock();
  }
  bool Ask() override {
    if (kAskedShared) {
      this->mutex().lock_shared();
    } else {
      this->mutex().lock();
    }
    return true;
  }
  void GiveBack() override {
    if (kAskedShared) return this->mutex().unlock_shared();
    this->mutex().unlock();
  }
};

// One lock of a ring in which nothing is told would hang for so long that the test is over.
class ResilientLock : public ExclusiveLock<ResilientSpinlock> {
 public:
  using ExclusiveLock::ExclusiveLock;
  bool Ask() override { return mutex().AcquireFor(std::chrono::hours(1)) == LockResult::kOk; }
};

class RawSpinlock : public RingLock {
 public:
  explicit RawSpinlock(const LockClass& lock_class) {
    rqlockdep_raw_spinlock_init(&lock_, reinterpret_cast<const rqlockdep_lock_class*>(&lock_class));
  }
  void Hold() override { raw_spin_lock(&lock_); }
  void GiveBackOwn() override { raw_spin_unlock(&lock_); }
  bool Ask() override {
    raw_spin_lock(&lock_);
    return true;
  }
  void GiveBack() override { raw_spin_unlock(&lock_); }

 private:
  raw_spinlock_t lock_;
};

class ResSpinLock : public RingLock {
 public:
  explicit ResSpinLock(const LockClass& lock_class) {
    rqlockdep_rqspinlock_init(&lock_, reinterpret_cast<const rqlockdep_lock_class*>(&lock_class));
  }
  void Hold() override {
    if (res_spin_lock(&lock_) != 0) std::abort();
  }
  void GiveBackOwn() override { res_spin_unlock(&lock_); }
  bool Ask() override {
    // Its limit is short: on a busy machine it may pass before the ring is closed.
    int error = 0;
    do error = res_spin_lock(&lock_);
    while (error == -ETIMEDOUT);
    return error == 0;
  }
  void GiveBack() override { res_spin_unlock(&lock_); }

 private:
  rqspinlock_t lock_;
};

}  // namespace

std::unique_ptr<RingLock> MakeRingLock(char kind, const LockClass& lock_class) {
  switch (kind) {
    case 'm':
      return std::make_unique<ExclusiveLock<Validated<std::mutex>>>(lock_class);
    case 'M':
      return std::make_unique<RecursiveLock>(lock_class);
    case 't':
      return std::make_unique<TimedLock>(lock_class);
    case 'w':
      return std::make_unique<SharedLock<Validated<std::shared_mutex>, false, false>>(lock_class);
    case 'r':
      return std::make_unique<SharedLock<Validated<std::shared_mutex>, true, false>>(lock_class);
    case 'x':
      return std::make_unique<SharedLock<Validated<std::shared_mutex>, false, true>>(lock_class);
    case 'a':
      return std::make_unique<ExclusiveLock<Validated<absl::Mutex>>>(lock_class);
    case 'A':
      return std::make_unique<SharedLock<Validated<absl::Mutex>, true, false>>(lock_class);
    case 'P':
      return std::make_unique<ExclusiveLock<ValidatedPthreadMutex>>(lock_class);
    case 'y':
      return std::make_unique<SharedLock<ValidatedPthreadRwlock, true, false>>(lock_class);
    case 'p':
      return std::make_unique<SharedLock<ValidatedPthreadRwlock, false, true>>(lock_class);
    case 'q':
      return std::make_unique<ExclusiveLock<QueuedSpinlock>>(lock_class);
    case 'c':
      return std::make_unique<RawSpinlock>(lock_class);
    case 'R':
      return std::make_unique<ResilientLock>(lock_class);
    case 'C':
      return std::make_unique<ResSpinLock>(lock_class);
    default:
      std::abort();
  }
}

RingOutcome RunRing(std::string_view kinds) {
  const size_t size = kinds.size();
  // Never given back: the validator keeps classes and their names for good.
  static std::deque<std::string> names;
  static std::deque<LockClass> classes;
  std::vector<std::unique_ptr<RingLock>> locks;
  for (size_t i = 0; i < size; ++i) {
    names.push_back("ring" + std::to_string(i));
    classes.emplace_back(names.back().c_str());
    locks.push_back(MakeRingLock(kinds[i], classes.back()));
  }
  std::latch all_hold_one(static_cast<ptrdiff_t>(size));
  std::atomic<size_t> turn{0};
  std::vector<char> failed(size, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < size; ++i) {
    threads.emplace_back([&, i] {
      RingLock& own = *locks[i];
      RingLock& other = *locks[(i + 1) % size];
      own.Hold();
      all_hold_one.arrive_and_wait();
      while (turn.load() != i) std::this_thread::yield();
      turn.store(i + 1);
      if (other.Ask()) {
        other.GiveBack();
      } else {
        failed[i] = 1;
      }
      own.GiveBackOwn();
    });
  }
  for (std::thread& thread : threads) thread.join();
  RingOutcome outcome;
  for (const char one : failed) {
    outcome.failed += one;
    outcome.failed_members.push_back(one != 0);
  }
  return outcome;
}

}  // namespace rqlockdep
