// The part of the validator that watches threads wait: docs/semantics.md, section 8. How threads
// that run are looked at is said in core/wait_record.h, and what is doubtful in
// checks/wait_check.h.
#include <mutex>

#include "validator/checks/lock_kinds.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

// So often a ring must be seen, with a rest between the looks, before doubtful evidence is
// believed: long enough for everybody who can run to have had a turn. It is counted in looks and
// not in time, so that a process that is stopped or starved gives itself more of it.
constexpr uint32_t kLooks = 25;
// However many other doubtful rings come and go meanwhile.
constexpr uint32_t kMostLooks = 4 * kLooks;

// With readers there can be more rings than anybody can look at, and the waits lock is held
// meanwhile. The thread on a ring without a bounded waiter is stuck for good; more such rings tell
// little that is new. (Where there is a bounded waiter it has to give way; that is searched for.)
constexpr uint32_t kMostEndless = 4;
// Of doubtful ones only the first are looked at in each look: there is another one then.
constexpr uint32_t kMostDoubtful = 64;

// In Validator::suspects_: else the number of the look in which the ring was first seen.
constexpr uint32_t kJudged = UINT32_MAX;

// Whether a wait can be part of a ring: others can wait for this thread. If not, nobody needs to
// know of it, nor look.
bool HoldsSomething(const Wait& wait) { return wait.record > 0; }
bool CanBeOnRing(const Wait& wait, LockKind kind) {
  const bool has_readers =
      kind == LockKind::kRwsem || kind == LockKind::kRwlock || kind == LockKind::kFairRwlock;
  return HoldsSomething(wait) || (has_readers && wait.mode == LockMode::kExclusive);
}

uint64_t KeyOf(const hooks::LockMap& lock) { return reinterpret_cast<uintptr_t>(&lock); }

}  // namespace

bool Validator::Waiting(ThreadState& thread, hooks::LockMap& lock, hooks::CancelCallback cancel,
                        void* cancel_argument, const CallSite& site) {
  const uint32_t index = thread.held.Find(&lock);
  if (index == HeldStack::kNone) return false;
  HeldLock& record = thread.held[index];
  thread.SetWaiting(index, true);
  WaitFrame frame;
  frame.cancel = cancel;
  frame.cancel_argument = cancel_argument;
  // Relaxed: a ticket is unique, which is all that matters of it to others.
  frame.wait.ticket = 1 + wait_tickets_.fetch_add(1, std::memory_order_relaxed);
  frame.wait.lock = &lock;
  frame.wait.record = index;
  frame.wait.mode = record.mode();
  frame.wait.strength = record.strength();
  if (!thread.PushWait(frame)) {
    WarnOutOfMemory();
    return false;
  }
  WithdrawWait(thread);
  PublishWait(thread, frame, site);
  return !Quiet();
}

void Validator::Acquired(ThreadState& thread, hooks::LockMap& lock) {
  const uint32_t index = thread.held.Find(&lock);
  if (index == HeldStack::kNone) return;
  if (!thread.held[index].is_waiting()) return;
  EndWait(thread, index);
  thread.SetWaiting(index, false);
  ResumeWait(thread);
}

void Validator::Failed(ThreadState& thread, hooks::LockMap& lock, FailReason reason) {
  const uint32_t index = thread.held.Find(&lock);
  if (index == HeldStack::kNone) return;
  const bool resilient = thread.held[index].strength() == Strength::kResilient;
  const bool waited = thread.held[index].is_waiting();
  if (waited) EndWait(thread, index);
  RemoveRecord(thread, index);
  RecordFailure(thread, lock, resilient, reason);
  if (waited) ResumeWait(thread);
}

void Validator::WithdrawWait(ThreadState& thread) {
  if (thread.wait.Withdraw()) return;
  const std::scoped_lock guard(waiters_.mutex());
  thread.wait.Withdraw();
}

void Validator::EndWait(ThreadState& thread, uint32_t index) {
  WithdrawWait(thread);
  thread.PopWait(index);
}

void Validator::ResumeWait(ThreadState& thread) {
  const WaitFrame* const interrupted = thread.innermost_wait();
  if (interrupted == nullptr) return;
  const WaitFrame frame = *interrupted;
  PublishWait(thread, frame, thread.held[frame.wait.record].call_site());
}

void Validator::PublishWait(ThreadState& thread, const WaitFrame& frame, const CallSite& site) {
  const Wait& wait = frame.wait;
  if (!CanBeOnRing(wait, thread.held[wait.record].kind())) {
    thread.wait.Publish(wait, frame.cancel, frame.cancel_argument);
    return;
  }
  bool doubtful = false;
  {
    const std::scoped_lock guard(waiters_.mutex());
    thread.wait.Publish(wait, frame.cancel, frame.cancel_argument);
    waiters_.Enter(thread);
    if (!HoldsSomething(wait)) return;
    if (doubtful_looks_ == 0) suspects_.Clear();
    doubtful = LookForRings({&thread, wait}, site, 1);
    if (doubtful) ++doubtful_looks_;
  }
  log_.Deliver(thread);
  if (!doubtful) return;
  // The clock of a bounded wait does not run yet. It has no need of a second chance.
  const uint32_t most_looks = wait.is_bounded() ? kLooks : kMostLooks;
  for (uint32_t look = 2; doubtful && look <= most_looks; ++look) {
    environment_.Rest();
    {
      const std::scoped_lock guard(waiters_.mutex());
      doubtful = LookForRings({&thread, wait}, site, look);
    }
    log_.Deliver(thread);
  }
  const std::scoped_lock guard(waiters_.mutex());
  --doubtful_looks_;
}

std::span<const Waiter> Validator::Waiters() {
  const std::span<Waiter> waiters = waiter_memory_.Get(waiters_.size());
  size_t count = 0;
  waiters_.ForEach([&](ThreadState& thread, const Wait& wait) {
    // Who was told to give way is as good as gone.
    if (thread.gave_way == wait.ticket || count == waiters.size()) return;
    waiters[count++] = {&thread, wait};
  });
  return waiters.first(count);
}

bool Validator::LookForRings(const Waiter& first, const CallSite& site, uint32_t look) {
  // How many rings without a bounded waiter, so that the thread is stuck for good, and how many
  // doubtful ones.
  uint32_t endless = 0;
  uint32_t doubtful = 0;
  ring_finder_.Clear();
  if (options_.live && !Quiet() && look == 1 && !first.wait.is_bounded() && WaitsForItself(first)) {
    ReportRingOf({&first, 1}, first, site);
    ++endless;
  }
  // Without memory some holds are not on record, and some that are are over.
  while (!Quiet() && doubtful < kMostDoubtful) {
    const std::span<const Waiter> ring = ring_finder_.Find(
        first, Waiters(),
        endless < kMostEndless ? RingFinder::Rings::kAll : RingFinder::Rings::kWithBoundedWaiter);
    if (ring.empty()) break;
    size_t pinned = 0;
    if (options_.live) {
      while (pinned < ring.size() && ring[pinned].thread->wait.Pin(ring[pinned].wait.ticket)) {
        ++pinned;
      }
    }
    // If one could not be pinned, its wait is over, and so is the ring.
    if (!options_.live || pinned == ring.size()) {
      const RingVerdict verdict = JudgeRing(ring, look);
      if (verdict == RingVerdict::kReal) ReportRingOf(ring, first, site);
      if (verdict == RingVerdict::kDoubtful) {
        ++doubtful;
      } else if (verdict != RingVerdict::kNone && options_.live && !HasBoundedWaiter(ring)) {
        ++endless;
      }
    }
    for (size_t i = 0; i < pinned; ++i) ring[i].thread->wait.Unpin(ring[i].wait.ticket);
  }
  return doubtful != 0;
}

Validator::RingVerdict Validator::JudgeRing(std::span<const Waiter> ring, uint32_t look) {
  if (!options_.live) return RingVerdict::kReal;
  const uint64_t signature = RingFinder::Signature(ring);
  const uint32_t first_look = suspects_.Get(signature, 0);
  if (first_look == kJudged) return RingVerdict::kJudgedBefore;
  bool certain = true;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Waiter& waiter = ring[i];
    const Waiter& other = ring[(i + 1) % ring.size()];
    const Evidence evidence = EvidenceOf(waiter, other);
    if (evidence == Evidence::kNone) return RingVerdict::kNone;
    if (evidence == Evidence::kCertain && !doubted_.Contains(KeyOf(*waiter.wait.lock))) continue;
    certain = false;
    // Who is only believed to hold the lock does not if somebody else has it.
    if (!QueuedBefore(other, waiter) && HasAnotherHolder(waiter, *other.thread)) {
      return RingVerdict::kNone;
    }
  }
  if (!certain) {
    if (first_look == 0) suspects_.Set(signature, look);
    if (first_look == 0 || look - first_look + 1 < kLooks) return RingVerdict::kDoubtful;
  }
  suspects_.Set(signature, kJudged);
  return RingVerdict::kReal;
}

void Validator::DoubtHolds(const hooks::LockMap& lock) {
  const std::scoped_lock guard(waiters_.mutex());
  // Without memory for it there is one ring more at worst.
  doubted_.Set(KeyOf(lock), 1);
}

bool Validator::HasAnotherHolder(const Waiter& waiter, const ThreadState& holder) const {
  for (const ThreadState* thread = threads(); thread != nullptr; thread = thread->next) {
    if (thread == waiter.thread || thread == &holder) continue;
    bool holds = false;
    thread->held.ForEachFromOutside([&](const HeldLock& record) {
      holds = holds || (record.is(waiter.wait.lock) && !record.is_waiting());
    });
    if (holds) return true;
  }
  return false;
}

void Validator::ReportRingOf(std::span<const Waiter> ring, const Waiter& first,
                             const CallSite& site) {
  const Waiter* const victim = FindVictim(ring);
  {
    const std::scoped_lock guard(mutex_);
    const HeldLock& record = first.thread->held[first.wait.record];
    CheckInput input(tables_, *first.thread, first.wait.lock, record.class_id(), first.wait.mode,
                     first.wait.strength, site);
    ReportRing(input, ring, victim, options_.live ? input.Stack() : kNoStack,
               options_.live ? Repeats::kDropped : Repeats::kReported);
  }
  if (victim == nullptr) return;
  victim->thread->gave_way = victim->wait.ticket;
  victim->thread->wait.Cancel();
}

}  // namespace rqlockdep
