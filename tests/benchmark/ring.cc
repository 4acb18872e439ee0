#include "tests/benchmark/ring.h"

#include <limits>

#include "tests/benchmark/ticks.h"
#include "tests/benchmark/waiting_thread.h"

namespace rqlockdep::benchmark {

struct Ring::Member {
  std::unique_ptr<WaitingThread> wait;  // made by the thread
  RingOutcome outcome = RingOutcome::kFailed;
  uint64_t end = 0;  // ticks when it had its outcome
  // Has its outcome. Stored with release order after the two above, loaded with acquire order.
  std::atomic<bool> ended{false};
};

Ring::Ring(size_t size) {
  for (size_t i = 0; i + 1 < size; ++i) members_.push_back(std::make_unique<Member>());
  for (size_t i = 0; i < members_.size(); ++i) {
    threads_.emplace_back([this, i] { Work(*members_[i], i); });
  }
  Await(ready_);
}

Ring::~Ring() {
  locks_ = nullptr;
  ++repetition_;
  repetition_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Ring::Await(const std::atomic<size_t>& counter) const {
  while (counter != members_.size()) std::this_thread::yield();
}

void Ring::Work(Member& self, size_t index) {
  self.wait = std::make_unique<WaitingThread>();
  ++ready_;
  for (uint32_t last = 0;; ++last) {
    repetition_.wait(last);
    if (locks_ == nullptr) return;
    RingLocks& locks = *locks_;
    const bool holds = locks.Acquire(index) == RingOutcome::kTaken;
    ++holding_;
    all_hold_.wait(last);
    self.wait->AboutToAcquire();
    self.outcome = locks.Acquire(index + 1);
    self.end = Ticks();
    self.wait->NoLongerWaiting();
    self.ended = true;
    if (self.outcome == RingOutcome::kTaken) locks.Release(index + 1);
    if (holds) {
      locks.Release(index);
    } else {
      self.outcome = RingOutcome::kFailed;
    }
    ++done_;
  }
}

RingResult Ring::Close(RingLocks& locks) {
  const size_t own = members_.size();
  locks_ = &locks;
  holding_ = 0;
  done_ = 0;
  for (const auto& member : members_) member->ended = false;
  ++repetition_;
  repetition_.notify_all();
  RingResult result = {std::numeric_limits<double>::quiet_NaN(), 0, 0};
  const bool holds = locks.Acquire(own) == RingOutcome::kTaken;
  if (!holds) ++result.failures;
  Await(holding_);
  all_hold_ = repetition_.load();
  all_hold_.notify_all();
  for (const auto& member : members_) {
    while (!member->wait->IsWaiting() && !member->ended) std::this_thread::yield();
  }
  for (const auto& member : members_) {
    if (member->ended) ++result.failures;  // what it waits for was not free, and no ring was closed
  }

  const uint64_t begin = Ticks();
  const RingOutcome outcome = locks.Acquire(0);
  const uint64_t end = Ticks();
  if (outcome == RingOutcome::kTaken) locks.Release(0);
  if (holds) locks.Release(own);
  Await(done_);

  const auto count = [&](RingOutcome how, uint64_t when) {
    if (how == RingOutcome::kFailed) ++result.failures;
    if (how != RingOutcome::kDeadlock) return;
    ++result.victims;
    // Another processor's ticks may be a little behind.
    result.nanoseconds =
        when < begin ? 0 : static_cast<double>(when - begin) * NanosecondsPerTick();
  };
  count(outcome, end);
  for (const auto& member : members_) count(member->outcome, member->end);
  return result;
}

}  // namespace rqlockdep::benchmark
