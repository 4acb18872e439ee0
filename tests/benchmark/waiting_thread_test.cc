#include "tests/benchmark/waiting_thread.h"

#include <atomic>
#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace rqlockdep::benchmark {
namespace {

// A thread that waits for `released` in the way given, between two waits of another kind.
class Waiter {
 public:
  explicit Waiter(std::function<void(const std::atomic<bool>&)> wait) {
    thread_ = std::thread([this, wait = std::move(wait)] {
      WaitingThread self;
      self_ = &self;
      begin_.wait(false);
      self.AboutToAcquire();
      wait(released_);
      self.NoLongerWaiting();
      done_ = true;
      end_.wait(false);
    });
    while (self_ == nullptr) std::this_thread::yield();
  }
  ~Waiter() {
    end_ = true;
    end_.notify_one();
    thread_.join();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  bool IsWaiting() const { return self_.load()->IsWaiting(); }
  void Begin() {
    begin_ = true;
    begin_.notify_one();
  }
  void Release() {
    released_ = true;
    released_.notify_one();
    while (!done_) std::this_thread::yield();
  }

 private:
  std::atomic<WaitingThread*> self_{nullptr};
  std::atomic<bool> begin_{false};
  std::atomic<bool> released_{false};
  std::atomic<bool> done_{false};
  std::atomic<bool> end_{false};
  std::thread thread_;
};

void ExpectToBeSeen(Waiter& waiter) {
  EXPECT_FALSE(waiter.IsWaiting()) << "before";
  waiter.Begin();
  while (!waiter.IsWaiting()) std::this_thread::yield();  // without end if it is not seen
  waiter.Release();
  EXPECT_FALSE(waiter.IsWaiting()) << "afterwards";
}

TEST(WaitingThreadTest, SeesASleeper) {
  Waiter waiter([](const std::atomic<bool>& released) { released.wait(false); });
  ExpectToBeSeen(waiter);
}

TEST(WaitingThreadTest, SeesASpinner) {
  Waiter waiter([](const std::atomic<bool>& released) {
    while (!released) {
    }
  });
  ExpectToBeSeen(waiter);
}

}  // namespace
}  // namespace rqlockdep::benchmark
