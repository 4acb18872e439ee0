// Section 8: deadlocks that are happening.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_model.h"
#include "tests/reference/simple_cycles.h"

namespace rqlockdep {

// For whom `thread`, which waits for `lock` or is about to, waits; empty if it could have the lock.
std::set<int> ReferenceModel::WaitsFor(int thread, int lock, LockMode mode) const {
  std::set<int> others;
  for (const auto& [other, state] : threads_) {
    if (mode == LockMode::kExclusive ? Holds(state, lock) : HoldsExclusively(state, lock)) {
      others.insert(other);
    }
  }
  if (mode == LockMode::kReader) {
    const auto queue = queues_.find(lock);
    if (queue != queues_.end()) {
      for (int waiter : queue->second) {
        if (waiter == thread) break;
        if (FindThread(waiter).wait->mode == LockMode::kExclusive) others.insert(waiter);
      }
    }
  }
  return others;
}

void ReferenceModel::JudgeWait(int thread) {
  std::set<std::vector<int>> judged;
  while (threads_[thread].wait) {
    ArcSet arcs;
    for (const auto& [waiter, state] : threads_) {
      if (!state.wait) continue;
      for (int other : WaitsFor(waiter, state.wait->lock, state.wait->mode)) {
        arcs.insert({waiter, other});
      }
    }

    // The cycles through the new waiter that are not judged yet: shortest first, then the one with
    // the oldest waiter, then the next oldest.
    using Order = std::tuple<size_t, std::vector<int>>;
    std::optional<std::pair<Order, std::vector<int>>> first;
    for (const std::vector<int>& cycle : SimpleCycles(arcs)) {
      if (std::find(cycle.begin(), cycle.end(), thread) == cycle.end()) continue;
      if (judged.contains(cycle)) continue;
      std::vector<int> ages;
      for (int waiter : cycle) ages.push_back(threads_[waiter].wait->since);
      std::sort(ages.begin(), ages.end());
      const Order order = {cycle.size(), ages};
      if (!first || order < first->first) first = {order, cycle};
    }
    if (!first) return;

    const std::vector<int>& cycle = first->second;
    judged.insert(cycle);
    std::optional<int> victim;
    for (int waiter : cycle) {
      if (!threads_[waiter].wait->bounded) continue;
      if (!victim || threads_[waiter].wait->since > threads_[*victim].wait->since) victim = waiter;
    }
    Report(victim ? "resilient-deadlock" : "deadlock", thread).deadlocked_threads = cycle;
    if (victim) {
      const int lock = threads_[*victim].wait->lock;
      StopWaiting(*victim);
      Fail(*victim, lock);
      LetIn(lock);
    }
  }
}

// Gives `lock` to each waiter, in the order of their coming, that waits for nobody any more.
void ReferenceModel::LetIn(int lock) {
  const std::vector<int> queue = queues_[lock];
  for (int waiter : queue) {
    const WaitState wait = *threads_[waiter].wait;
    if (!WaitsFor(waiter, lock, wait.mode).empty()) continue;
    StopWaiting(waiter);
    Grant(waiter, lock, wait.lock_class, wait.mode);
  }
}

void ReferenceModel::StopWaiting(int thread) {
  std::erase(queues_[threads_[thread].wait->lock], thread);
  threads_[thread].wait.reset();
}

}  // namespace rqlockdep
