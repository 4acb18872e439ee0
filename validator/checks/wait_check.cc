#include "validator/checks/wait_check.h"

#include <algorithm>

#include "validator/checks/lock_kinds.h"

namespace rqlockdep {
namespace {

bool Conflicts(LockMode asked, LockMode held) {
  return asked == LockMode::kExclusive || held == LockMode::kExclusive;
}

bool IsInTheWay(const HeldLock& record, const hooks::LockMap* lock, LockMode mode) {
  return record.is(lock) && !record.is_waiting() && Conflicts(mode, record.mode());
}

// Does `other`, which waits, hold `lock` in such a way that one who asks with `mode` waits?
bool HoldsInTheWay(const Waiter& other, const hooks::LockMap* lock, LockMode mode) {
  bool holds = false;
  other.thread->held.ForOldestFromOutside(other.wait.record, [&](const HeldLock& record, uint32_t) {
    holds = holds || IsInTheWay(record, lock, mode);
  });
  return holds;
}

// Did `other` queue as a writer before a reader that writers block?
bool QueuedInTheWay(const Waiter& other, const Wait& wait) {
  return wait.mode == LockMode::kReader && other.wait.lock == wait.lock &&
         other.wait.mode == LockMode::kExclusive && other.wait.ticket < wait.ticket;
}

// The same for a thread that may hold without waiting.
bool StandsInTheWay(const ThreadState& other, const Wait& wait) {
  bool holds = false;
  other.held.ForEachFromOutside(
      [&](const HeldLock& record) { holds = holds || IsInTheWay(record, wait.lock, wait.mode); });
  if (holds) return true;
  const Waiter waiter{nullptr, other.wait.Read()};
  return waiter.wait.ticket != 0 && QueuedInTheWay(waiter, wait);
}

}  // namespace

bool QueuedBefore(const Waiter& other, const Waiter& waiter) {
  return QueuedInTheWay(other, waiter.wait);
}

bool WaitsFor(const Waiter& waiter, const Waiter& other) {
  if (waiter.thread == other.thread) return false;
  return HoldsInTheWay(other, waiter.wait.lock, waiter.wait.mode) ||
         QueuedInTheWay(other, waiter.wait);
}

Evidence EvidenceOf(const Waiter& waiter, const Waiter& other) {
  auto evidence = QueuedInTheWay(other, waiter.wait) ? Evidence::kDoubtful : Evidence::kNone;
  const HeldLock* older = nullptr;
  bool older_is_in_the_way = false;
  // One record more than are held: the one that the thread waits with.
  other.thread->held.ForOldestFromOutside(
      other.wait.record + 1, [&](const HeldLock& record, uint32_t) {
        if (older_is_in_the_way) {
          // The last one of a context may have been interrupted on its way to the lock.
          const bool last = older->context != record.context;
          evidence = std::max(evidence, last ? Evidence::kDoubtful : Evidence::kCertain);
        }
        older = &record;
        older_is_in_the_way = IsInTheWay(record, waiter.wait.lock, waiter.wait.mode);
      });
  return evidence;
}

bool WaitsForItself(const Waiter& waiter) {
  bool itself = false;
  waiter.thread->held.ForOldestFromOutside(
      waiter.wait.record, [&](const HeldLock& record, uint32_t) {
        if (!IsInTheWay(record, waiter.wait.lock, waiter.wait.mode)) return;
        // A wait for a condition, while the lock was taken more than once.
        if (record.kind() == LockKind::kRecursiveMutex) return;
        // A lock with readers may know its writer, and throw.
        if (record.kind() == LockKind::kRwsem && record.mode() == LockMode::kExclusive) return;
        itself = true;
      });
  return itself;
}

bool WouldWait(const ThreadState& thread, const hooks::LockMap* lock, LockMode mode,
               const ThreadState* threads) {
  const Wait wait{.ticket = UINT64_MAX, .lock = lock, .mode = mode};
  for (const ThreadState* other = threads; other != nullptr; other = other->next) {
    if (other != &thread && StandsInTheWay(*other, wait)) return true;
  }
  return false;
}

bool WaitsForNobody(const ThreadState& waiter, const ThreadState* threads) {
  const Wait wait = waiter.wait.Read();
  for (const ThreadState* other = threads; other != nullptr; other = other->next) {
    if (other != &waiter && StandsInTheWay(*other, wait)) return false;
  }
  return true;
}

// --- the search ----------------------------------------------------------------------------------

// Breadth first from the first waiter. False without memory.
bool RingFinder::Explore(const Waiter& first, std::span<const Waiter> waiters) {
  nodes_ = node_memory_.Get(waiters.size() + 1);
  const std::span<uint32_t> numbers = number_memory_.Get(waiters.size());  // 0: not reached
  if (nodes_.empty() || numbers.size() != waiters.size()) return false;
  nodes_[0].waiter = first;
  node_count_ = 1;
  uint32_t edge_count = 0;
  for (uint32_t from = 0; from < node_count_; ++from) {
    Node& node = nodes_[from];
    node.first_edge = edge_count;
    for (size_t i = 0; i < waiters.size(); ++i) {
      if (!WaitsFor(node.waiter, waiters[i])) continue;
      const bool closes = waiters[i].thread == first.thread;
      if (!closes && numbers[i] == 0) {
        numbers[i] = node_count_;
        nodes_[node_count_++].waiter = waiters[i];
      }
      if (!edges_.EnsureSize(edge_count + 1)) return false;
      edges_[edge_count++] = closes ? 0 : numbers[i];
    }
    node.end_edge = edge_count;
  }
  return true;
}

void RingFinder::MeasureDistances() {
  nodes_[0].distance = 0;
  // Backwards, because far nodes were mostly reached later; until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = node_count_ - 1; i > 0; --i) {
      Node& node = nodes_[i];
      for (uint32_t edge = node.first_edge; edge < node.end_edge; ++edge) {
        const uint32_t distance = nodes_[edges_[edge]].distance;
        if (distance == kFar || distance + 1 >= node.distance) continue;
        node.distance = distance + 1;
        changed = true;
      }
    }
  }
}

bool RingFinder::ReachesBoundedWaiter() const {
  const std::span<const Node> reached = nodes_.first(node_count_);
  return std::ranges::any_of(reached, [](const Node& node) {
    return node.distance != kFar && node.waiter.wait.is_bounded();
  });
}

uint64_t RingFinder::Signature(std::span<const Waiter> ring) {
  uint64_t signature = kEmptyChain;
  for (const Waiter& member : ring) {
    signature = MixChain(signature, member.wait.ticket);  // of one thread
  }
  return signature;
}

// Whether the ring on the path is better than the best one, of the same size.
bool RingFinder::IsBetter(size_t size) {
  const std::span<uint64_t> all = ticket_memory_.Get(2 * size);
  if (all.empty()) return false;
  const std::span<uint64_t> a = all.first(size);
  const std::span<uint64_t> b = all.subspan(size);
  const auto by_age = [size](std::span<const Waiter> ring, std::span<uint64_t> tickets) {
    for (size_t i = 0; i < size; ++i) tickets[i] = ring[i].wait.ticket;
    std::ranges::make_heap(tickets);
    std::ranges::sort_heap(tickets);
  };
  by_age(ring_, a);
  by_age(best_, b);
  return std::ranges::lexicographical_compare(a, b);
}

// The path's first `size` nodes are a ring.
void RingFinder::Consider(size_t size) {
  for (size_t i = 0; i < size; ++i) ring_[i] = nodes_[path_[i]].waiter;
  const std::span<const Waiter> ring = ring_.first(size);
  if (wanted_ == Rings::kWithBoundedWaiter && !HasBoundedWaiter(ring)) return;
  if (found_.Contains(Signature(ring))) return;
  if (best_size_ != 0 && size >= best_size_ && (size > best_size_ || !IsBetter(size))) return;
  std::copy_n(ring_.begin(), size, best_.begin());
  best_size_ = size;
}

// Goes all ways without repetition that lead back in `longest` steps at most, depth first, and
// keeps the best ring. False if there is none.
bool RingFinder::Search(size_t longest) {
  constexpr size_t kMaxSteps = 100000;
  best_size_ = 0;
  for (uint32_t i = 0; i < node_count_; ++i) nodes_[i].on_path = false;
  path_[0] = 0;
  nodes_[0].next_edge = nodes_[0].first_edge;
  size_t depth = 1;
  size_t steps = 0;
  while (depth > 0) {
    Node& node = nodes_[path_[depth - 1]];
    if (node.next_edge == node.end_edge || steps == kMaxSteps) {
      node.on_path = false;
      --depth;
      continue;
    }
    ++steps;
    const uint32_t to = edges_[node.next_edge++];
    const size_t limit = best_size_ == 0 ? longest : best_size_;
    if (to == 0) {
      if (depth <= limit) Consider(depth);
      continue;
    }
    Node& next = nodes_[to];
    if (next.on_path || next.distance == kFar || depth + next.distance > limit) continue;
    path_[depth++] = to;
    next.on_path = true;
    next.next_edge = next.first_edge;
  }
  return best_size_ != 0;
}

std::span<const Waiter> RingFinder::Find(const Waiter& first, std::span<const Waiter> waiters,
                                         Rings wanted) {
  wanted_ = wanted;
  if (!Explore(first, waiters)) return {};
  MeasureDistances();
  // A search that cannot find anything would go all ways.
  if (wanted == Rings::kWithBoundedWaiter && !ReachesBoundedWaiter()) return {};
  uint32_t shortest = kFar;
  for (uint32_t edge = nodes_[0].first_edge; edge < nodes_[0].end_edge; ++edge) {
    shortest = std::min(shortest, nodes_[edges_[edge]].distance);
  }
  if (shortest == kFar) return {};
  path_ = path_memory_.Get(node_count_);
  const std::span<Waiter> both = ring_memory_.Get(size_t{2} * node_count_);
  if (path_.empty() || both.empty()) return {};
  ring_ = both.first(node_count_);
  best_ = both.subspan(node_count_);
  // Where only the shortest rings are allowed no way leads astray.
  if (!Search(size_t{shortest} + 1) && !Search(node_count_)) return {};
  const std::span<const Waiter> ring = best_.first(best_size_);
  // A ring that cannot be noted would be found for ever.
  if (!found_.Set(Signature(ring), 1)) return {};
  return ring;
}

bool HasBoundedWaiter(std::span<const Waiter> ring) {
  return std::ranges::any_of(ring, [](const Waiter& member) { return member.wait.is_bounded(); });
}

const Waiter* FindVictim(std::span<const Waiter> ring) {
  const Waiter* victim = nullptr;
  bool victim_can_be_told = false;
  for (const Waiter& member : ring) {
    if (!member.wait.is_bounded()) continue;
    const bool can_be_told = member.thread->wait.CanBeTold();
    if (victim != nullptr) {
      if (victim_can_be_told && !can_be_told) continue;
      const bool newer = member.wait.ticket > victim->wait.ticket;
      if (victim_can_be_told == can_be_told && !newer) continue;
    }
    victim = &member;
    victim_can_be_told = can_be_told;
  }
  return victim;
}

// --- the report ----------------------------------------------------------------------------------

namespace {

// What a member of a ring asks for, and where.
uint64_t KindOf(const Waiter& member) {
  const HeldLock& record = member.thread->held[member.wait.record];
  return MixChain(MixChain(kEmptyChain, record.class_id()), record.call_site().frames[0]);
}

// A program may live with such rings and have them again and again.
bool IsFirstOfItsKind(CheckInput& input, std::span<const Waiter> ring) {
  // A sum: wherever the ring begins.
  uint64_t sum = 0;
  for (const Waiter& member : ring) sum += KindOf(member);
  constexpr uint64_t kMark = 0x200;
  return input.findings().IsNew(MixChain(MixChain(kEmptyChain, kMark), sum));
}

// Threads that are stuck for ever may be on very many rings, most of which go through the same
// places more than once.
bool IsFirstThroughThesePlaces(CheckInput& input, std::span<const Waiter> ring) {
  uint64_t sum = 0;
  for (size_t i = 0; i < ring.size(); ++i) {
    const uint64_t kind = KindOf(ring[i]);
    const std::span<const Waiter> before = ring.first(i);
    const auto is_same = [kind](const Waiter& member) { return KindOf(member) == kind; };
    if (std::ranges::none_of(before, is_same)) sum += kind;
  }
  constexpr uint64_t kMark = 0x201;
  return input.findings().IsNew(MixChain(MixChain(kEmptyChain, kMark), sum));
}

bool IsWorthReporting(CheckInput& input, std::span<const Waiter> ring, const Waiter* victim,
                      Repeats repeats) {
  if (victim != nullptr) return IsFirstOfItsKind(input, ring);
  return repeats == Repeats::kReported || IsFirstThroughThesePlaces(input, ring);
}

// What the waiter holds and, as the last, what it waits for. What a signal handler does that
// interrupted the wait is left out: it runs.
std::span<FindingLock> DescribeWaiter(CheckInput& input, const Waiter& waiter) {
  ThreadState& thread = *waiter.thread;
  const uint32_t count = waiter.wait.record + 1;
  const std::span<FindingLock> held = input.findings().arena().NewArray<FindingLock>(count);
  for (uint32_t i = 0; i < held.size(); ++i) {
    held[i] = input.Describe(thread.held[i]);
    held[i].this_context = thread.held[i].context == thread.held[waiter.wait.record].context;
  }
  return held;
}

}  // namespace

void ReportRing(CheckInput& input, std::span<const Waiter> ring, const Waiter* victim,
                StackId exact_stack, Repeats repeats) {
  if (!IsWorthReporting(input, ring, victim, repeats)) return;
  Finding finding =
      input.NewFinding(victim == nullptr ? FindingId::kDeadlock : FindingId::kResilientDeadlock,
                       victim == nullptr ? Severity::kError : Severity::kNote);
  const std::span<FindingThread> threads =
      input.findings().arena().NewArray<FindingThread>(ring.size());
  for (size_t i = 0; i < threads.size(); ++i) {
    const Waiter& member = ring[i];
    threads[i].thread = member.thread->id();
    threads[i].gives_way = &member == victim;
    const std::span<FindingLock> held = DescribeWaiter(input, member);
    threads[i].held = held;
    if (held.empty()) continue;  // no memory
    if (member.thread == &input.thread() && exact_stack != kNoStack) {
      held.back().stack = exact_stack;
      held.back().stack_is_exact = true;
    }
    threads[i].waits_for = held.back();
  }
  finding.threads = threads;
  input.Report(finding);
}

}  // namespace rqlockdep
