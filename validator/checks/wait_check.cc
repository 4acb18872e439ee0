#include "validator/checks/wait_check.h"

#include <algorithm>

namespace rqlockdep {
namespace {

uint64_t Ticket(const ThreadState& thread) {
  return thread.wait.ticket.load(std::memory_order_relaxed);
}

// Does `other` keep one who asks for `lock` with this ticket waiting? As a holder, or as a writer
// that queued before a reader that writers block.
bool StandsInTheWay(const ThreadState& other, const hooks::LockMap* lock, LockMode mode,
                    uint64_t ticket) {
  bool holds = false;
  other.held.ForEachFromOutside([&](const HeldLock& record) {
    if (record.lock.load(std::memory_order_relaxed) != lock) return;
    if (record.is_waiting()) return;
    holds = holds || mode == LockMode::kExclusive || record.mode() == LockMode::kExclusive;
  });
  if (holds) return true;
  return mode == LockMode::kReader && other.wait.lock.load(std::memory_order_relaxed) == lock &&
         other.wait.mode.load(std::memory_order_relaxed) == LockMode::kExclusive &&
         Ticket(other) < ticket;
}

bool IsBounded(const ThreadState& thread) {
  return thread.wait.strength.load(std::memory_order_relaxed) != Strength::kBlocking;
}

}  // namespace

bool WaitsFor(const ThreadState& waiter, const ThreadState& other) {
  if (&waiter == &other) return false;
  return StandsInTheWay(other, waiter.wait.lock.load(std::memory_order_relaxed),
                        waiter.wait.mode.load(std::memory_order_relaxed), Ticket(waiter));
}

bool WouldWait(const ThreadState& thread, const hooks::LockMap* lock, LockMode mode,
               const ThreadState* threads) {
  for (const ThreadState* other = threads; other != nullptr; other = other->next) {
    if (other != &thread && StandsInTheWay(*other, lock, mode, UINT64_MAX)) return true;
  }
  return false;
}

bool WaitsForNobody(const ThreadState& waiter, const ThreadState* threads) {
  for (const ThreadState* other = threads; other != nullptr; other = other->next) {
    if (WaitsFor(waiter, *other)) return false;
  }
  return true;
}

bool WaitCheck::Better(std::span<ThreadState* const> ring, std::span<ThreadState* const> best) {
  if (ring.size() != best.size()) return ring.size() < best.size();
  const std::span<uint64_t> a = tickets_.Get(ring.size());
  const std::span<uint64_t> b = best_tickets_.Get(best.size());
  if (a.size() != ring.size() || b.size() != best.size()) return false;
  for (size_t i = 0; i < ring.size(); ++i) {
    a[i] = Ticket(*ring[i]);
    b[i] = Ticket(*best[i]);
  }
  const auto sort = [](std::span<uint64_t> values) {
    std::ranges::make_heap(values);
    std::ranges::sort_heap(values);
  };
  sort(a);
  sort(b);
  return std::ranges::lexicographical_compare(a, b);
}

void WaitCheck::Extend(Search& search, size_t depth) {
  constexpr size_t kMaxSteps = 100000;
  if (++search.steps > kMaxSteps) return;
  const ThreadState& last = *search.path[depth - 1];
  if (search.best_size != 0 && depth > search.best_size) return;
  for (ThreadState* other = search.threads; other != nullptr; other = other->next) {
    if (other->wait.lock.load(std::memory_order_relaxed) == nullptr) continue;
    if (!WaitsFor(last, *other)) continue;
    if (other == search.first) {
      const std::span<ThreadState* const> ring = search.path.first(depth);
      uint64_t signature = kEmptyChain;
      for (const ThreadState* member : ring) {
        signature = MixChain(MixChain(signature, member->id()), Ticket(*member));
      }
      if (judged_.Contains(signature)) continue;
      if (search.best_size == 0 || Better(ring, search.best.first(search.best_size))) {
        std::ranges::copy(ring, search.best.begin());
        search.best_size = depth;
      }
      continue;
    }
    const auto end = search.path.begin() + static_cast<ptrdiff_t>(depth);
    if (std::find(search.path.begin(), end, other) != end) continue;
    search.path[depth] = other;
    Extend(search, depth + 1);
  }
}

std::span<ThreadState* const> WaitCheck::FindRing(ThreadState& waiter, ThreadState* threads) {
  size_t waiting = 0;
  for (const ThreadState* t = threads; t != nullptr; t = t->next) {
    if (t->wait.lock.load(std::memory_order_relaxed) != nullptr) ++waiting;
  }
  Search search;
  search.first = &waiter;
  search.threads = threads;
  search.path = path_.Get(waiting + 1);
  search.best = best_.Get(waiting + 1);
  if (search.path.empty() || search.best.empty()) return {};
  search.path[0] = &waiter;
  Extend(search, 1);
  const std::span<ThreadState* const> ring = search.best.first(search.best_size);
  uint64_t signature = kEmptyChain;
  for (const ThreadState* member : ring) {
    signature = MixChain(MixChain(signature, member->id()), Ticket(*member));
  }
  if (!ring.empty()) judged_.Set(signature, 1);
  return ring;
}

ThreadState* FindVictim(std::span<ThreadState* const> ring) {
  ThreadState* victim = nullptr;
  for (ThreadState* member : ring) {
    if (IsBounded(*member) && (victim == nullptr || Ticket(*member) > Ticket(*victim))) {
      victim = member;
    }
  }
  return victim;
}

void ReportRing(CheckInput& input, std::span<ThreadState* const> ring, ThreadState* victim) {
  Finding finding =
      input.NewFinding(victim == nullptr ? FindingId::kDeadlock : FindingId::kResilientDeadlock,
                       victim == nullptr ? Severity::kError : Severity::kNote);
  const std::span<FindingThread> threads = input.log().arena().NewArray<FindingThread>(ring.size());
  for (size_t i = 0; i < threads.size(); ++i) {
    ThreadState& member = *ring[i];
    threads[i].thread = member.id();
    threads[i].gives_way = &member == victim;
    threads[i].held = input.DescribeHeld(member);
    for (const FindingLock& lock : threads[i].held) {
      if (lock.waiting) threads[i].waits_for = lock;
    }
  }
  finding.threads = threads;
  input.log().Add(input.thread(), finding);
}

}  // namespace rqlockdep
