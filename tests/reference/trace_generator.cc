#include "tests/reference/trace_generator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_model.h"
#include "tests/reference/seeded_random.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

bool MayBeShared(LockKind kind) {
  return kind == LockKind::kRwlock || kind == LockKind::kFairRwlock || kind == LockKind::kRwsem ||
         kind == LockKind::kMap || IsSection(kind);
}

class TraceGenerator {
 public:
  TraceGenerator(uint64_t seed, const TraceGeneratorOptions& options)
      : random_(seed), options_(options) {}

  Trace Generate() {
    if (options_.swarm) ChooseFeatures();
    DeclareThreads();
    DeclareLocks();
    // Tracks who holds what and who waits.
    ReferenceModel model(trace_, {.judge_cycles = false});
    model_ = &model;
    for (int i = 0; i < options_.events && ChooseThread(); ++i) {
      early_ = i < options_.events * 2 / 3;
      const TraceEvent event = NextEvent();
      model.Step(event);
      threads_[event.thread].Note(event);
      trace_.events.push_back(event);
    }
    // Reading gives the positions, and the threads in the order of their appearance.
    return ReadTrace(WriteTrace(trace_)).trace;
  }

 private:
  struct Thread {
    std::vector<ContextKind> contexts;
    bool hard_masked = false;
    bool soft_masked = false;
    int last_asked = -1;  // the lock of the last acquisition, until it is released

    void Note(const TraceEvent& event) {
      switch (event.op) {
        case TraceOp::kAcquire:
          last_asked = event.lock;
          break;
        case TraceOp::kRelease:
          last_asked = -1;
          break;
        case TraceOp::kEnter:
          contexts.push_back(event.context);
          break;
        case TraceOp::kLeave:
          contexts.pop_back();
          break;
        case TraceOp::kMask:
        case TraceOp::kUnmask:
          (event.context == ContextKind::kSoft ? soft_masked : hard_masked) =
              event.op == TraceOp::kMask;
          break;
        default:
          break;
      }
    }
  };

  void ChooseFeatures() {
    for (int* percent : {&options_.try_only, &options_.timed, &options_.subclass, &options_.nest,
                         &options_.outcome, &options_.own, &options_.gate, &options_.out_of_order,
                         &options_.unbalanced, &options_.downgrade, &options_.init_or_destroy,
                         &options_.spawn_or_join, &options_.exit, &options_.leave_with_locks}) {
      if (random_.Percent(70)) *percent = 0;
    }
    if (random_.Percent(50)) options_.contexts = false;
    if (random_.Percent(30)) options_.read = 0;
    options_.threads = random_.Between(1, options_.threads);
    options_.locks = random_.Between(std::min(2, options_.locks), options_.locks);
    options_.events = random_.Between((options_.events + 2) / 3, options_.events);
    options_.depth = random_.Between(std::min(2, options_.depth), options_.depth);
    // Subclasses multiply the classes, and the model's time grows with their factorial.
    if (options_.subclass > 0) options_.locks = std::min(options_.locks, 4);
  }

  void DeclareThreads() {
    for (int i = 0; i < options_.threads; ++i) trace_.threads.push_back("T" + std::to_string(i));
    threads_.resize(trace_.threads.size());
    // How much the threads get into each other's way.
    switch_percent_ = random_.OneOf(std::vector<int>{2, 10, 30, 60});
    switches_with_locks_ = random_.Percent(50);
  }

  void DeclareLocks() {
    std::vector<LockKind> kinds = options_.kinds;
    if (kinds.empty()) {
      for (int i = 0; i < kLockKindCount; ++i) kinds.push_back(static_cast<LockKind>(i));
    }
    if (options_.swarm) kinds = SomeOf(kinds);
    // Classes of one lock keep their cycles gated; classes of several have recursion.
    const bool all_singletons = options_.swarm && options_.nest == 0 && random_.Percent(50);
    const int class_count =
        random_.Between(all_singletons ? options_.locks : (options_.locks + 1) / 2, options_.locks);
    std::vector<LockKind> class_kinds;
    for (int i = 0; i < class_count; ++i) class_kinds.push_back(random_.OneOf(kinds));
    for (int i = 0; i < options_.locks; ++i) {
      const int lock_class = i < class_count ? i : random_.Below(class_count);
      trace_.locks.push_back({.name = "L" + std::to_string(i),
                              .class_name = "C" + std::to_string(lock_class),
                              .kind = class_kinds[lock_class]});
    }
    // A lock alone in its class sometimes has no explicit class.
    for (TraceLock& lock : trace_.locks) {
      const auto members = std::count_if(
          trace_.locks.begin(), trace_.locks.end(),
          [&](const TraceLock& other) { return other.class_name == lock.class_name; });
      if (members == 1 && random_.Percent(70)) lock.class_name = lock.name;
    }
    gate_ = random_.Below(options_.locks);
    // The gate's class is often a singleton at first and loses that when cycles have been
    // dismissed.
    gate_sisters_late_ = random_.Percent(60);
    handler_locks_ = (options_.locks + 1) / 2;
  }

  // Few kinds, and often of one wait rank, lest every trace have an invalid wait context.
  std::vector<LockKind> SomeOf(const std::vector<LockKind>& kinds) {
    static const std::vector<std::vector<LockKind>> kFamilies = {
        {LockKind::kQspinlock, LockKind::kRqspinlock, LockKind::kRawSpinlock},
        {LockKind::kSpinlock, LockKind::kRwlock, LockKind::kFairRwlock, LockKind::kLocalLock,
         LockKind::kMap, LockKind::kSection},
        {LockKind::kMutex, LockKind::kRtmutex, LockKind::kRecursiveMutex, LockKind::kRwsem,
         LockKind::kMap, LockKind::kSectionSleepable}};
    if (random_.Percent(65)) {
      std::vector<LockKind> family;
      for (LockKind kind : random_.OneOf(kFamilies)) {
        if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) family.push_back(kind);
      }
      if (!family.empty()) return family;
    }
    std::vector<LockKind> chosen;
    const int count = random_.Between(1, 3);
    for (int i = 0; i < count; ++i) chosen.push_back(random_.OneOf(kinds));
    // The resilient lock and its regular sister are what the validator is for.
    const auto allowed = [&](LockKind kind) {
      return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    };
    if (random_.Percent(35) && allowed(LockKind::kRqspinlock)) {
      chosen.push_back(LockKind::kRqspinlock);
      if (allowed(LockKind::kQspinlock)) chosen[0] = LockKind::kQspinlock;
    }
    return chosen;
  }

  // Chooses the thread of the next event, as current_; false if none can go on.
  bool ChooseThread() {
    std::vector<int> able;
    for (int i = 0; i < static_cast<int>(threads_.size()); ++i) {
      if (!model_->IsWaiting(i) && !model_->HasExited(i)) able.push_back(i);
    }
    if (able.empty()) return false;
    const bool is_able = std::find(able.begin(), able.end(), current_) != able.end();
    const bool stays = !switches_with_locks_ && is_able && !model_->Held(current_).empty();
    if (!is_able || (!stays && random_.Percent(switch_percent_))) current_ = random_.OneOf(able);
    return true;
  }

  TraceEvent NextEvent() {
    TraceEvent event;
    event.thread = current_;
    if (options_.contexts && random_.Percent(options_.enter_or_leave) && EnterOrLeave(event)) {
      return event;
    }
    // Rarely inside a context, where it makes whatever is used there inconsistent.
    if (options_.contexts && random_.Percent(options_.mask_or_unmask) &&
        (threads_[current_].contexts.empty() || random_.Percent(10)) && MaskOrUnmask(event)) {
      return event;
    }
    if (random_.Percent(options_.downgrade) && Downgrade(event)) return event;
    if (random_.Percent(options_.init_or_destroy)) {
      event.op = random_.Percent(50) ? TraceOp::kInit : TraceOp::kDestroy;
      event.lock = random_.Below(LockCount());
      return event;
    }
    if (random_.Percent(options_.spawn_or_join)) {
      event.op = random_.Percent(50) ? TraceOp::kSpawn : TraceOp::kJoin;
      event.other_thread = random_.Below(static_cast<int>(threads_.size()));
      return event;
    }
    if (random_.Percent(options_.exit)) {
      event.op = TraceOp::kExit;
      return event;
    }
    // The deeper, the likelier a release.
    const int held = static_cast<int>(HeldHere().size());
    if (random_.Percent(held * 100 / (options_.depth + 1))) return Release(event);
    return Acquire(event);
  }

  // These fill in `event`, or return false if something else suits better.

  bool EnterOrLeave(TraceEvent& event) {
    const Thread& thread = threads_[current_];
    if (!thread.contexts.empty() && random_.Percent(60)) {
      if (!HeldHere().empty() && !random_.Percent(options_.leave_with_locks)) {
        event = Release(event);
        return true;
      }
      event.op = TraceOp::kLeave;
      event.context = thread.contexts.back();
      return true;
    }
    event.op = TraceOp::kEnter;
    event.context = static_cast<ContextKind>(random_.Below(3));
    // A masked context cannot really come. The format allows it, but it makes the locks held
    // inconsistent nearly always.
    const bool masked = thread.hard_masked || !thread.contexts.empty() ||
                        (thread.soft_masked && event.context == ContextKind::kSoft);
    return !masked || random_.Percent(thread.contexts.empty() ? 15 : 40);
  }

  bool MaskOrUnmask(TraceEvent& event) {
    const Thread& thread = threads_[current_];
    const bool soft = random_.Percent(30);
    event.context = soft ? ContextKind::kSoft : ContextKind::kHard;
    // Mostly what changes something. The note of the masks ignores contexts; that does no harm.
    const bool masked = soft ? thread.soft_masked : thread.hard_masked;
    event.op = masked != random_.Percent(15) ? TraceOp::kUnmask : TraceOp::kMask;
    const std::vector<int> held = HeldHere();
    const bool holds_handler_lock =
        std::any_of(held.begin(), held.end(), [&](int lock) { return lock < handler_locks_; });
    return event.op == TraceOp::kMask || !holds_handler_lock || random_.Percent(15);
  }

  bool Downgrade(TraceEvent& event) {
    std::vector<int> candidates;
    for (int lock : HeldHere()) {
      if (MayBeShared(trace_.locks[lock].kind)) candidates.push_back(lock);
    }
    if (candidates.empty() || random_.Percent(options_.unbalanced)) {
      for (int lock = 0; lock < LockCount(); ++lock) {
        if (MayBeShared(trace_.locks[lock].kind) && options_.unbalanced > 0) {
          candidates.push_back(lock);
        }
      }
    }
    if (candidates.empty()) return false;
    event.op = TraceOp::kDowngrade;
    event.lock = random_.OneOf(candidates);
    return true;
  }

  TraceEvent Release(TraceEvent event) {
    const std::vector<int> held = HeldHere();
    event.op = TraceOp::kRelease;
    if (held.empty() || random_.Percent(options_.unbalanced)) {
      event.lock = random_.Below(LockCount());
    } else if (random_.Percent(options_.out_of_order)) {
      event.lock = random_.OneOf(held);
    } else {
      event.lock = held.back();
    }
    return event;
  }

  TraceEvent Acquire(TraceEvent event) {
    event.op = TraceOp::kAcquire;
    event.lock = ChooseLock();
    if (!chose_own_ && (Holds(event.lock) || !SuitsContext(event.lock)) && !random_.Percent(2)) {
      // No other lock suits, and its own is left to the option.
      if (!HeldHere().empty()) return Release(event);
      if (!SuitsContext(event.lock) && threads_[current_].contexts.empty()) {
        event.op = TraceOp::kMask;
        event.lock = -1;
        return event;
      }
    }
    const LockKind kind = trace_.locks[event.lock].kind;
    event.read = IsSection(kind) || (MayBeShared(kind) && random_.Percent(options_.read));
    event.try_only = random_.Percent(options_.try_only);
    event.timed = !event.try_only && random_.Percent(options_.timed);
    if (random_.Percent(options_.subclass)) {
      event.subclass = random_.Percent(80) ? 1 : random_.Between(2, 7);
    }
    if (random_.Percent(options_.nest)) ChooseNest(event);
    if (random_.Percent(options_.outcome)) event.outcome = ChooseOutcome(event, kind);
    return event;
  }

  int ChooseLock() {
    chose_own_ = false;
    const std::vector<ReferenceModel::HeldLock>& held = model_->Held(current_);
    const int last_asked = threads_[current_].last_asked;
    if (last_asked >= 0 && !Holds(last_asked) && random_.Percent(options_.retry)) {
      return last_asked;  // that acquisition failed
    }
    if (held.empty() && SuitsContext(gate_) && random_.Percent(options_.gate)) return gate_;
    chose_own_ = !held.empty() && random_.Percent(options_.own);
    if (chose_own_) return random_.OneOf(held).lock;
    int lock = 0;
    for (int attempt = 0; attempt < 12; ++attempt) {
      lock = random_.Below(LockCount());
      if (!Holds(lock) && SuitsContext(lock) && !IsTooEarly(lock)) break;
    }
    return lock;
  }

  bool IsTooEarly(int lock) const {
    return early_ && gate_sisters_late_ && lock != gate_ &&
           trace_.locks[lock].class_name == trace_.locks[gate_].class_name;
  }

  // Handlers take the first few locks, others take these with handlers masked: as programs do, so
  // that not every trace with contexts is inconsistent.
  bool SuitsContext(int lock) const {
    if (!options_.contexts) return true;
    const Thread& thread = threads_[current_];
    if (!thread.contexts.empty()) return lock < handler_locks_;
    return lock >= handler_locks_ || thread.hard_masked || thread.soft_masked;
  }

  void ChooseNest(TraceEvent& event) {
    const std::vector<ReferenceModel::HeldLock>& held = model_->Held(current_);
    if (held.empty() || random_.Percent(10)) {
      event.nest = random_.Below(LockCount());
      return;
    }
    event.nest = random_.OneOf(held).lock;
    // What nest is for: another lock of the class of one that is held, under an older lock.
    if (held.size() < 2 || random_.Percent(30)) return;
    const int inner = random_.Between(1, static_cast<int>(held.size()) - 1);
    const TraceLock& inner_lock = trace_.locks[held[inner].lock];
    for (int sister = 0; sister < LockCount(); ++sister) {
      if (trace_.locks[sister].class_name != inner_lock.class_name || Holds(sister)) continue;
      event.lock = sister;
      event.subclass = 0;
      event.nest = held[random_.Below(inner)].lock;
      return;
    }
  }

  TraceOutcome ChooseOutcome(const TraceEvent& event, LockKind kind) {
    if (event.try_only) return random_.Percent(50) ? TraceOutcome::kOk : TraceOutcome::kBusy;
    if (event.timed || kind == LockKind::kRqspinlock) {
      return random_.OneOf(
          std::vector{TraceOutcome::kOk, TraceOutcome::kTimeout, TraceOutcome::kDeadlock});
    }
    return TraceOutcome::kOk;
  }

  int LockCount() const { return static_cast<int>(trace_.locks.size()); }

  bool Holds(int lock) const {
    const std::vector<ReferenceModel::HeldLock>& held = model_->Held(current_);
    return std::any_of(held.begin(), held.end(),
                       [&](const ReferenceModel::HeldLock& hold) { return hold.lock == lock; });
  }

  // The locks that the current thread took in its current context, oldest first.
  std::vector<int> HeldHere() const {
    std::vector<int> locks;
    for (const ReferenceModel::HeldLock& hold : model_->Held(current_)) {
      if (hold.context == model_->CurrentContext(current_)) locks.push_back(hold.lock);
    }
    return locks;
  }

  SeededRandom random_;
  TraceGeneratorOptions options_;
  Trace trace_;
  ReferenceModel* model_ = nullptr;
  std::vector<Thread> threads_;
  int current_ = 0;
  bool chose_own_ = false;  // ChooseLock means to ask again for what the thread holds
  int gate_ = 0;
  bool gate_sisters_late_ = false;  // others of its class are not asked for until late
  bool early_ = true;
  int handler_locks_ = 0;  // the locks before this one are for handlers
  int switch_percent_ = 0;
  bool switches_with_locks_ = false;
};

}  // namespace

Trace GenerateTrace(uint64_t seed, const TraceGeneratorOptions& options) {
  return TraceGenerator(seed, options).Generate();
}

}  // namespace rqlockdep
