#include "tests/unit/lock_event_generator.h"

#include <cstddef>
#include <vector>

#include "tests/reference/seeded_random.h"
#include "tests/unit/lock_event_model.h"

namespace rqlockdep {
namespace {

using Hold = LockEventModel::Hold;
using Thread = LockEventModel::Thread;
using Type = Event::Type;

// What a sequence is made of: a sequence with everything seldom shows what is wrong with one thing.
struct Features {
  bool order, waits, contexts, undeclared, nests, subclasses, readers, own, singletons;
  int most_holds;
  int switch_percent;
};

Features ChooseFeatures(SeededRandom& random) {
  const auto often = [&random] { return random.Percent(60); };
  Features features;
  features.order = often();
  features.waits = often();
  features.contexts = often();
  features.undeclared = often();
  features.nests = often();
  features.subclasses = often();
  features.readers = often();
  features.own = often();
  features.singletons = random.Percent(40);
  // 20 is more than what a held stack keeps in its rows.
  features.most_holds = random.OneOf(std::vector<int>{3, 6, 6, 20});
  // Subclasses multiply the classes, and long searches for cycles would be cut short.
  if (features.most_holds > 6) features.subclasses = false;
  features.switch_percent = random.OneOf(std::vector<int>{1, 5, 20});
  return features;
}

class LockEventGenerator {
 public:
  explicit LockEventGenerator(uint64_t seed) : random_(seed), features_(ChooseFeatures(random_)) {}

  EventSequence Generate() {
    DeclareLocks();
    sequence_.threads = random_.Between(1, 2);
    const int length = random_.Between(50, 300);
    LockEventModel model(sequence_);
    while (static_cast<int>(sequence_.events.size()) < length) {
      if (random_.Percent(features_.switch_percent)) thread_ = random_.Below(sequence_.threads);
      if (!sequence_.events.empty() && random_.Percent(10)) RepeatSome(model);
      Append(Propose(model.thread(thread_)), model);
    }
    return sequence_;
  }

 private:
  LockKind ChooseKind() {
    static const std::vector<LockKind> kKinds = {
        LockKind::kMutex,    LockKind::kMutex,      LockKind::kRwsem,         LockKind::kQspinlock,
        LockKind::kSpinlock, LockKind::kRqspinlock, LockKind::kLocalLock,     LockKind::kMap,
        LockKind::kSection,  LockKind::kFairRwlock, LockKind::kRecursiveMutex};
    return random_.Percent(30) ? LockKind::kRwlock : random_.OneOf(kKinds);
  }

  void DeclareLocks() {
    const int classes = features_.singletons ? random_.Between(3, EventSequence::kMostClasses)
                                             : random_.Between(1, 4);
    for (int i = 0; i < classes; ++i) {
      sequence_.classes.push_back({ChooseKind(), features_.order && random_.Percent(60)});
    }
    const int locks = features_.singletons ? classes : features_.most_holds + 1;
    for (int i = 0; i < locks; ++i) {
      const int lock_class = features_.singletons ? i : random_.Below(classes);
      sequence_.locks.push_back({lock_class, random_.Below(20)});
    }
  }

  // Unless it cannot happen.
  void Append(Event event, LockEventModel& model) {
    event.thread = thread_;
    if (!model.Allows(event)) return;
    model.Step(event);
    sequence_.events.push_back(event);
  }

  // The thread does what was done before, by itself or another one, as far as it can, perhaps with
  // a small change: one that a chain key might leave out.
  void RepeatSome(LockEventModel& model) {
    const int done = static_cast<int>(sequence_.events.size());
    const int first = random_.Below(done);
    const int length = random_.Between(2, 15);
    for (int i = first; i < done && i < first + length; ++i) {
      Event event = sequence_.events[i];
      if (event.type == Type::kAcquire && random_.Percent(20)) Vary(model.thread(thread_), event);
      Append(event, model);
    }
  }

  void Vary(const Thread& thread, Event& event) {
    switch (random_.Below(4)) {
      case 0:
        event.lock = ChooseSister(event.lock);
        break;
      case 1:
        event.mode = ChooseMode(sequence_.KindOf(event.lock));
        break;
      case 2:
        event.subclass = ChooseSubclass();
        break;
      default:
        event.nest = ChooseNest(thread);
        break;
    }
  }
  // A lock of the same class.
  int ChooseSister(int lock) {
    int sister = lock;
    do {
      sister = random_.Below(static_cast<int>(sequence_.locks.size()));
    } while (sequence_.locks[sister].lock_class != sequence_.locks[lock].lock_class);
    return sister;
  }

  // What the thread might do next. Perhaps it cannot.
  Event Propose(const Thread& thread) {
    if (thread.has_just_asked) {
      const bool must_not_get_it = thread.holds.back().unobtainable;
      if (must_not_get_it || random_.Percent(30)) return ProposeOutcome(thread);
    }
    if (thread.WaitsHere() && !(features_.undeclared && random_.Percent(60))) {
      return features_.contexts && random_.Percent(50) ? ProposeEntry() : ProposeEndOfWait(thread);
    }
    if (features_.contexts && random_.Percent(15)) {
      return thread.IsInContext() && random_.Percent(60) ? ProposeLeaving(thread) : ProposeEntry();
    }
    if (features_.contexts && random_.Percent(8)) return ProposeMask();
    const int depth = static_cast<int>(thread.holds.size());
    if (depth > 0 && random_.Percent(4)) return OfSomeHold(thread, Type::kDowngrade);
    const int release_percent = 10 + 90 * depth / features_.most_holds;
    if (depth > 0 && random_.Percent(release_percent)) return OfSomeHold(thread, Type::kRelease);
    return ProposeAcquisition(thread);
  }

  // Of the acquisition just begun, when it is not that it gets the lock at once.
  Event ProposeOutcome(const Thread& thread) {
    const Hold& hold = thread.holds.back();
    if (features_.waits && random_.Percent(60)) return {.type = Type::kWait, .lock = hold.lock};
    return Failure(hold);
  }
  Event ProposeEndOfWait(const Thread& thread) {
    const Hold& hold = thread.holds[thread.InnermostWait()];
    if (hold.unobtainable || random_.Percent(30)) return Failure(hold);
    return {.type = Type::kAcquired, .lock = hold.lock};
  }
  Event Failure(const Hold& hold) {
    const FailReason reason = random_.Percent(50) ? FailReason::kTimedOut : FailReason::kDeadlock;
    return {.type = Type::kFail, .lock = hold.lock, .reason = reason};
  }

  Event ProposeEntry() {
    return {.type = Type::kEnter, .context = static_cast<ContextKind>(random_.Below(3))};
  }
  Event ProposeLeaving(const Thread& thread) {
    // Seldom with locks.
    if (thread.HoldsHere() && random_.Percent(95)) return OfSomeHold(thread, Type::kRelease);
    return {.type = Type::kLeave};
  }
  Event ProposeMask() {
    const ContextKind context = random_.Percent(50) ? ContextKind::kHard : ContextKind::kSoft;
    return {.type = random_.Percent(50) ? Type::kMask : Type::kUnmask, .context = context};
  }

  // Mostly of the newest.
  Event OfSomeHold(const Thread& thread, Type type) {
    const int depth = static_cast<int>(thread.holds.size());
    const int index = random_.Percent(70) ? depth - 1 : random_.Below(depth);
    return {.type = type, .lock = thread.holds[index].lock};
  }

  int ChooseLock(const Thread& thread) {
    int lock = 0;
    do {
      lock = random_.Below(static_cast<int>(sequence_.locks.size()));
    } while (thread.FindNewest(lock) != Event::kNone && !random_.Percent(features_.own ? 20 : 2));
    return lock;
  }

  LockMode ChooseMode(LockKind kind) {
    if (kind == LockKind::kSection) return LockMode::kRecursiveReader;
    if (!features_.readers || !MayBeShared(kind) || random_.Percent(50)) {
      return LockMode::kExclusive;
    }
    const bool is_recursive = kind != LockKind::kRwsem && kind != LockKind::kFairRwlock;
    return is_recursive ? LockMode::kRecursiveReader : LockMode::kReader;
  }

  Event ProposeAcquisition(const Thread& thread) {
    Event event;
    event.lock = ChooseLock(thread);
    const LockKind kind = sequence_.KindOf(event.lock);
    event.mode = ChooseMode(kind);
    event.strength = kind == LockKind::kRqspinlock ? Strength::kResilient
                     : random_.Percent(8)          ? Strength::kTimed
                                                   : Strength::kBlocking;
    if (random_.Percent(12)) {
      event.type = Type::kTry;
      event.strength = Strength::kTry;
      event.got_it = random_.Percent(70);
    }
    event.subclass = ChooseSubclass();
    event.nest = ChooseNest(thread);
    return event;
  }

  uint8_t ChooseSubclass() {
    if (!features_.subclasses || random_.Percent(80)) return 0;
    return static_cast<uint8_t>(random_.Between(1, 2));
  }
  // Seldom one that is not held.
  int ChooseNest(const Thread& thread) {
    if (!features_.nests || thread.holds.empty() || random_.Percent(50)) return Event::kNone;
    if (random_.Percent(10)) return random_.Below(static_cast<int>(sequence_.locks.size()));
    return thread.holds[random_.Below(static_cast<int>(thread.holds.size()))].lock;
  }

  SeededRandom random_;
  const Features features_;
  EventSequence sequence_;
  int thread_ = 0;
};

}  // namespace

EventSequence GenerateLockEvents(uint64_t seed) { return LockEventGenerator(seed).Generate(); }

}  // namespace rqlockdep
