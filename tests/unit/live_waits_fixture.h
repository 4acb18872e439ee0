// A validator whose threads' moves a test makes one after another, for tests of waits.
#ifndef RQLOCKDEP_TESTS_UNIT_LIVE_WAITS_FIXTURE_H_
#define RQLOCKDEP_TESTS_UNIT_LIVE_WAITS_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "validator/validator.h"

namespace rqlockdep {

class RestingEnvironment : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t, uintptr_t caller) override {
    frames[0] = caller;
    return 1;
  }
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    const auto* lock_class = static_cast<const LockClass*>(map.key());
    return {ClassKey::Type::kExplicit, reinterpret_cast<uintptr_t>(lock_class), lock_class->name(),
            lock_class->order()};
  }
  void Warn(const char*) override {}
  void Rest() override {
    ++rests;
    if (meanwhile) meanwhile(rests);
  }

  int rests = 0;
  std::function<void(int)> meanwhile;  // what other threads do
};

class CollectingSink : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override { findings.push_back(finding); }
  std::vector<Finding> findings;
};

class LiveWaitsTest : public ::testing::Test {
 protected:
  hooks::LockMap& Lock(LockKind kind = LockKind::kMutex) {
    return maps_.emplace_back(kind, classes_.emplace_back("class"));
  }
  ThreadState& Thread() { return *validator_.NewThread(); }

  struct Cast {
    ThreadState& first;
    ThreadState& second;
    hooks::LockMap& a;
    hooks::LockMap& b;
  };
  Cast TwoOfEach() { return {Thread(), Thread(), Lock(), Lock()}; }

  void Acquire(ThreadState& thread, hooks::LockMap& lock, LockMode mode = LockMode::kExclusive) {
    hooks::AcquireArguments arguments;
    arguments.mode = mode;
    arguments.strength = Strength::kBlocking;
    if (lock.kind() == LockKind::kRqspinlock) arguments.strength = Strength::kResilient;
    validator_.Acquire(thread, lock, arguments, Site());
  }
  // Asks for a lock that is taken.
  bool Wait(ThreadState& thread, hooks::LockMap& lock, LockMode mode = LockMode::kExclusive) {
    Acquire(thread, lock, mode);
    return validator_.Waiting(thread, lock, &Tell, &told_[&thread], Site());
  }
  // The same with a limit. Nobody can tell it to give way before.
  void WaitForATime(ThreadState& thread, hooks::LockMap& lock) {
    validator_.Acquire(thread, lock, {.strength = Strength::kTimed}, Site());
    validator_.Waiting(thread, lock, nullptr, nullptr, Site());
  }
  static void Tell(void* told) { ++*static_cast<int*>(told); }
  CallSite Site() { return {{++site_}}; }

  // Ids of live deadlocks.
  std::vector<FindingId> Rings() const {
    std::vector<FindingId> ids;
    for (const Finding& finding : sink_.findings) {
      if (!finding.threads.empty()) ids.push_back(finding.id);
    }
    return ids;
  }
  std::vector<ThreadId> MembersOfLastRing() const {
    std::vector<ThreadId> members;
    for (const FindingThread& thread : sink_.findings.back().threads) {
      members.push_back(thread.thread);
    }
    return members;
  }
  using Ids = std::vector<FindingId>;

  RestingEnvironment environment_;
  CollectingSink sink_;
  Validator validator_{environment_, sink_, {.live = true}};
  std::deque<LockClass> classes_;
  std::deque<hooks::LockMap> maps_;
  std::map<ThreadState*, int> told_;
  uintptr_t site_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_LIVE_WAITS_FIXTURE_H_
