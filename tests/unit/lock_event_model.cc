#include "tests/unit/lock_event_model.h"

#include <algorithm>

namespace rqlockdep {
namespace {

using Hold = LockEventModel::Hold;
using Thread = LockEventModel::Thread;
using Type = Event::Type;

constexpr size_t kMostContexts = 4;
constexpr int kNone = Event::kNone;

// The newest hold of `lock` that was taken in the current context, and since the wait that is going
// on there began, if any: what a release takes. Index or kNone, as below.
int FindReleasable(const Thread& thread, int lock) {
  for (int i = static_cast<int>(thread.holds.size()) - 1; i >= 0; --i) {
    const Hold& hold = thread.holds[i];
    if (!thread.IsHere(hold)) continue;  // left behind by a context
    if (hold.waiting) return kNone;
    if (hold.lock == lock) return i;
  }
  return kNone;
}

// The hold of `lock` whose wait can end. The validator ends that of the newest record of a lock.
int FindEndingWait(const Thread& thread, int lock) {
  const int wait = thread.InnermostWait();
  const bool is_newest = wait != kNone && wait == thread.FindNewest(lock);
  return is_newest && thread.IsHere(thread.holds[wait]) ? wait : kNone;
}

bool HasJustAskedFor(const Thread& thread, int lock) {
  return thread.has_just_asked && thread.holds.back().lock == lock;
}

bool CanBeDowngraded(LockKind kind) {
  return kind == LockKind::kRwlock || kind == LockKind::kRwsem || kind == LockKind::kFairRwlock;
}

void Erase(Thread& thread, int hold) { thread.holds.erase(thread.holds.begin() + hold); }

bool CanWait(LockKind kind) {
  return kind != LockKind::kMap && kind != LockKind::kSection && kind != LockKind::kLocalLock;
}

}  // namespace

bool LockEventModel::Thread::HoldsHere() const {
  return std::any_of(holds.begin(), holds.end(), [this](const Hold& h) { return IsHere(h); });
}

int LockEventModel::Thread::FindNewest(int lock) const {
  int index = static_cast<int>(holds.size()) - 1;
  while (index >= 0 && holds[index].lock != lock) --index;
  return index;
}

int LockEventModel::Thread::InnermostWait() const {
  int index = static_cast<int>(holds.size()) - 1;
  while (index >= 0 && !holds[index].waiting) --index;
  return index;
}

bool LockEventModel::Thread::WaitsHere() const {
  const int wait = InnermostWait();
  return wait != kNone && IsHere(holds[wait]);
}

bool MayBeShared(LockKind kind) {
  return CanBeDowngraded(kind) || kind == LockKind::kMap || kind == LockKind::kSection;
}

bool LockEventModel::Allows(const Event& event) const {
  const Thread& thread = threads_[event.thread];
  const bool has_just_asked = HasJustAskedFor(thread, event.lock);
  if (event.type == Type::kWait) return has_just_asked && CanWait(sequence_.KindOf(event.lock));
  if (event.type == Type::kFail && has_just_asked) return true;
  if (thread.has_just_asked && thread.holds.back().unobtainable) return false;
  switch (event.type) {
    case Type::kWait:
    case Type::kFail:
      return FindEndingWait(thread, event.lock) != kNone;
    case Type::kAcquired: {
      const int wait = FindEndingWait(thread, event.lock);
      return wait != kNone && !thread.holds[wait].unobtainable;
    }
    case Type::kAcquire:
      return true;
    case Type::kTry:
      // That of a lock that the thread holds succeeds only if its own holds let it.
      return !event.got_it || !IsUnobtainable(thread, event);
    case Type::kRelease:
      return FindReleasable(thread, event.lock) != kNone;
    case Type::kDowngrade: {
      const int hold = FindReleasable(thread, event.lock);
      return hold != kNone && thread.holds[hold].exclusive &&
             CanBeDowngraded(sequence_.KindOf(event.lock));
    }
    case Type::kEnter:
      return thread.contexts.size() < kMostContexts;
    case Type::kLeave:
      return thread.IsInContext() && !thread.WaitsHere();
    case Type::kMask:
    case Type::kUnmask:
      return true;
  }
  return false;
}

bool LockEventModel::IsUnobtainable(const Thread& thread, const Event& event) const {
  if (sequence_.KindOf(event.lock) == LockKind::kRecursiveMutex) return false;
  return std::any_of(thread.holds.begin(), thread.holds.end(), [&](const Hold& hold) {
    if (hold.lock != event.lock || hold.waiting) return false;
    return hold.exclusive || event.mode != LockMode::kRecursiveReader;
  });
}

void LockEventModel::Push(Thread& thread, const Event& event) {
  Hold hold;
  hold.lock = event.lock;
  hold.subclass = event.subclass;
  hold.exclusive = event.mode == LockMode::kExclusive;
  hold.unobtainable = IsUnobtainable(thread, event);
  hold.context = thread.contexts.back();
  thread.holds.push_back(hold);
}

void LockEventModel::Step(const Event& event) {
  Thread& thread = threads_[event.thread];
  const bool had_just_asked = HasJustAskedFor(thread, event.lock);
  thread.has_just_asked = event.type == Type::kAcquire;
  switch (event.type) {
    case Type::kAcquire:
      return Push(thread, event);
    case Type::kTry:
      if (event.got_it) Push(thread, event);
      return;
    case Type::kWait:
      thread.holds.back().waiting = true;
      return;
    case Type::kAcquired:
      thread.holds[FindEndingWait(thread, event.lock)].waiting = false;
      return;
    case Type::kFail:
      if (had_just_asked) return thread.holds.pop_back();
      return Erase(thread, FindEndingWait(thread, event.lock));
    case Type::kRelease:
      return Erase(thread, FindReleasable(thread, event.lock));
    case Type::kDowngrade:
      thread.holds[FindReleasable(thread, event.lock)].exclusive = false;
      return;
    case Type::kEnter:
      return thread.contexts.push_back(++thread.contexts_made);
    case Type::kLeave:
      return thread.contexts.pop_back();
    case Type::kMask:
    case Type::kUnmask:
      return;
  }
}

uintptr_t LockEventModel::PlaceOf(int thread) const {
  uintptr_t place = 1 + static_cast<uintptr_t>(thread);
  for (const Hold& hold : threads_[thread].holds) {
    const int lock_class = sequence_.locks[hold.lock].lock_class;
    place = place * 1000003 + 1 + static_cast<uintptr_t>(8 * lock_class + hold.subclass);
  }
  return place;
}

}  // namespace rqlockdep
