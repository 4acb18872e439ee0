#include "validator/trace/replay.h"

#include <algorithm>
#include <deque>
#include <new>
#include <unordered_map>
#include <utility>

#include "rqlockdep/hooks.h"
#include "validator/checks/lock_kinds.h"
#include "validator/checks/own_hold.h"
#include "validator/checks/wait_check.h"
#include "validator/trace/replay_names.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

// The file's line stands for the stack.
class ReplayEnvironment : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t capacity, uintptr_t) override {
    if (capacity == 0) return 0;
    frames[0] = line;
    return 1;
  }
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    const auto* lock_class = static_cast<const LockClass*>(map.key());
    return {ClassKey::Type::kExplicit, reinterpret_cast<uintptr_t>(lock_class), lock_class->name(),
            lock_class->order(), lock_class->ranks()};
  }
  void Warn(const char* message) override { warnings.emplace_back(message); }

  uintptr_t line = 0;
  std::vector<std::string> warnings;
};

class Collector : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override { findings.push_back(finding); }
  std::vector<Finding> findings;
};

// Kinds whose acquisition never waits for another thread.
bool NeverWaits(LockKind kind) {
  return kind == LockKind::kMap || kind == LockKind::kLocalLock || IsSection(kind);
}

bool HoldsExclusively(const ThreadState& thread, const hooks::LockMap* lock) {
  for (uint32_t i = thread.held.Find(lock); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    if (thread.held[i].mode() == LockMode::kExclusive) return true;
  }
  return false;
}

}  // namespace

class Replay::Impl {
 public:
  Impl(const Trace& trace, std::string file_name)
      : trace_(trace),
        validator_(environment_, collector_, Validator::Options()),
        names_(trace, std::move(file_name), validator_.stacks()) {
    std::unordered_map<std::string, const LockClass*> by_name;
    for (const TraceLock& lock : trace.locks) {
      const LockClass*& lock_class = by_name[lock.class_name];
      if (lock_class == nullptr) lock_class = &classes_.emplace_back(lock.class_name.c_str());
      names_.AddInstance(&locks_.emplace_back(lock.kind, *lock_class), lock.name);
    }
    threads_.resize(trace.threads.size());
  }

  std::optional<TraceError> Run() {
    for (const TraceEvent& event : trace_.events) {
      environment_.line = static_cast<uintptr_t>(event.position.line);
      ThreadState& thread = Thread(event.thread);
      if (IsWaiting(thread)) {
        return TraceError{event.position,
                          "thread '" + trace_.threads[event.thread] + "' is waiting for a lock"};
      }
      Step(event, thread);
    }
    return std::nullopt;
  }

  const std::vector<Finding>& findings() const { return collector_.findings; }
  const std::vector<std::string>& warnings() const { return environment_.warnings; }
  Names& names() { return names_; }
  const Validator& validator() const { return validator_; }

 private:
  struct Waiter {
    Impl* replay;
    ThreadState* thread;
    hooks::LockMap* lock;
    FailReason reason;  // with which it gives way
  };

  static bool IsWaiting(const ThreadState& thread) { return thread.wait.is_published(); }

  ThreadState& Thread(int index) {
    if (threads_[index] == nullptr) {
      threads_[index] = validator_.NewThread();
      if (threads_[index] == nullptr) throw std::bad_alloc();
      names_.AddThread(threads_[index]->id(), trace_.threads[index]);
    }
    return *threads_[index];
  }

  CallSite Site() const { return CallSite{{environment_.line}}; }

  void Step(const TraceEvent& event, ThreadState& thread) {
    switch (event.op) {
      case TraceOp::kAcquire:
        return Acquire(event, thread);
      case TraceOp::kRelease:
        validator_.Release(thread, locks_[event.lock], Site());
        return LetIn(&locks_[event.lock]);
      case TraceOp::kDowngrade:
        validator_.Downgrade(thread, locks_[event.lock], Site());
        return LetIn(&locks_[event.lock]);
      case TraceOp::kInit:
        return validator_.Init(thread, locks_[event.lock], Site());
      case TraceOp::kDestroy:
        return validator_.Destroy(thread, locks_[event.lock], Site());
      case TraceOp::kEnter:
        return validator_.EnterContext(thread, event.context);
      case TraceOp::kLeave:
        return validator_.LeaveContext(thread, Site());
      case TraceOp::kMask:
        return validator_.MaskContext(thread, event.context);
      case TraceOp::kUnmask:
        return validator_.UnmaskContext(thread, event.context);
      case TraceOp::kSpawn:
      case TraceOp::kJoin:
        return;  // no verdict depends on them
      case TraceOp::kExit:
        return validator_.EndThread(thread);
    }
  }

  void Acquire(const TraceEvent& event, ThreadState& thread) {
    hooks::LockMap& lock = locks_[event.lock];
    hooks::AcquireArguments arguments;
    if (event.read) arguments.mode = SharedMode(lock.kind(), thread.context_depth > 0);
    arguments.subclass = static_cast<uint8_t>(event.subclass);
    if (event.nest >= 0) arguments.nest = &locks_[event.nest];
    if (event.try_only) {
      arguments.strength = Strength::kTry;
    } else if (lock.kind() == LockKind::kRqspinlock) {
      arguments.strength = Strength::kResilient;
    } else if (event.timed) {
      arguments.strength = Strength::kTimed;
    }
    const std::optional<TraceOutcome> outcome =
        event.outcome ? event.outcome : DefaultOutcome(thread, lock, arguments);
    if (event.try_only) {
      validator_.TryAcquire(thread, lock, arguments, outcome == TraceOutcome::kOk, Site());
      return;
    }
    validator_.Acquire(thread, lock, arguments, Site());
    if (!outcome) {
      Wait(thread, lock, arguments.strength);
    } else if (*outcome != TraceOutcome::kOk) {
      validator_.Failed(
          thread, lock,
          *outcome == TraceOutcome::kDeadlock ? FailReason::kDeadlock : FailReason::kTimedOut);
    }
  }

  // The rules of docs/trace-format.md, in their order; nothing means that the thread waits.
  std::optional<TraceOutcome> DefaultOutcome(const ThreadState& thread, const hooks::LockMap& lock,
                                             const hooks::AcquireArguments& arguments) {
    const bool exclusive = arguments.mode == LockMode::kExclusive;
    switch (ClassifyOwnHold(thread, &lock, lock.kind(), arguments.mode, arguments.strength)) {
      case OwnHold::kReentry:
        return TraceOutcome::kOk;
      case OwnHold::kResilientAa:
        return TraceOutcome::kDeadlock;
      case OwnHold::kSelfDeadlock: {
        if (arguments.strength == Strength::kBlocking) return TraceOutcome::kOk;
        const bool readable =
            !exclusive && !HoldsExclusively(thread, &lock) && !WriterQueued(&lock);
        return readable ? TraceOutcome::kOk : TraceOutcome::kTimeout;
      }
      case OwnHold::kTry:
        if (NeverWaits(lock.kind())) return TraceOutcome::kOk;
        if (exclusive || HoldsExclusively(thread, &lock)) return TraceOutcome::kBusy;
        break;
      case OwnHold::kNone:
        break;
    }
    if (NeverWaits(lock.kind())) return TraceOutcome::kOk;
    if (!WouldWait(thread, &lock, arguments.mode, validator_.threads())) return TraceOutcome::kOk;
    if (arguments.strength == Strength::kTry) return TraceOutcome::kBusy;
    return std::nullopt;
  }

  static bool WaitsForLock(const ThreadState& thread, const hooks::LockMap* lock) {
    const rqlockdep::Wait wait = thread.wait.Read();
    return wait.ticket != 0 && wait.lock == lock;
  }

  bool WriterQueued(const hooks::LockMap* lock) const {
    for (const ThreadState* t = validator_.threads(); t != nullptr; t = t->next) {
      if (WaitsForLock(*t, lock) && t->wait.Read().mode == LockMode::kExclusive) return true;
    }
    return false;
  }

  void Wait(ThreadState& thread, hooks::LockMap& lock, Strength strength) {
    const FailReason reason =
        strength == Strength::kResilient ? FailReason::kDeadlock : FailReason::kTimedOut;
    Waiter& waiter = waiters_.emplace_back(Waiter{this, &thread, &lock, reason});
    validator_.Waiting(thread, lock, strength == Strength::kBlocking ? nullptr : &GiveWay, &waiter,
                       Site());
  }

  static void GiveWay(void* argument) {
    const Waiter& waiter = *static_cast<Waiter*>(argument);
    waiter.replay->validator_.Failed(*waiter.thread, *waiter.lock, waiter.reason);
    waiter.replay->LetIn(waiter.lock);
  }

  // Looks at the waiters of a lock in the order of their coming.
  void LetIn(const hooks::LockMap* lock) {
    std::vector<ThreadState*> waiting;
    for (ThreadState* t = validator_.threads(); t != nullptr; t = t->next) {
      if (WaitsForLock(*t, lock)) waiting.push_back(t);
    }
    std::sort(waiting.begin(), waiting.end(), [](const ThreadState* a, const ThreadState* b) {
      return a->wait.Read().ticket < b->wait.Read().ticket;
    });
    for (ThreadState* t : waiting) {
      if (!WaitsForNobody(*t, validator_.threads())) continue;
      validator_.Acquired(*t, const_cast<hooks::LockMap&>(*lock));
    }
  }

  const Trace& trace_;
  ReplayEnvironment environment_;
  Collector collector_;
  Validator validator_;
  ReplayNames names_;
  std::deque<LockClass> classes_;
  std::deque<hooks::LockMap> locks_;
  std::deque<Waiter> waiters_;
  std::vector<ThreadState*> threads_;
};

Replay::Replay(const Trace& trace, std::string file_name)
    : impl_(std::make_unique<Impl>(trace, std::move(file_name))) {}
Replay::~Replay() = default;
std::optional<TraceError> Replay::Run() { return impl_->Run(); }
const std::vector<Finding>& Replay::findings() const { return impl_->findings(); }
const std::vector<std::string>& Replay::warnings() const { return impl_->warnings(); }
Names& Replay::names() { return impl_->names(); }
const Validator& Replay::validator() const { return impl_->validator(); }

}  // namespace rqlockdep
