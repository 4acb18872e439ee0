#include "validator/checks/cycle_evidence.h"

#include <algorithm>
#include <array>

namespace rqlockdep {
namespace {

using Threads = std::array<ThreadId, DependencyGraph::kThreadsPerEdge>;
using Instances = std::array<DependencyGraph::InstancePair, DependencyGraph::kInstancesPerEdge>;

Witness EnabledWitness(const DependencyGraph& graph, const Dependency& step) {
  return graph.WitnessOfEnabled(step.from, step.context, step.from_shared);
}

const Witness& UsedWitness(const DependencyGraph& graph, const Dependency& step) {
  return graph.UseIn(step.to, step.context)
      .used_in[UseIndex(step.to_recursive, step.strength)]
      .witness;
}

size_t ThreadsOf(const DependencyGraph& graph, const Dependency& step, Threads& threads) {
  if (!step.implicit) return graph.GetThreads(step.edge, threads);
  // The thread that holds is the one that is interrupted.
  threads[0] = EnabledWitness(graph, step).thread;
  return 1;
}

size_t InstancesOf(const DependencyGraph& graph, const Dependency& step, Instances& pairs) {
  if (!step.implicit) return graph.GetInstances(step.edge, pairs);
  pairs[0] = {EnabledWitness(graph, step).held_instance, UsedWitness(graph, step).asked_instance};
  return 1;
}

// Bipartite matching of edges to threads by augmenting paths (Kuhn).
class Matching {
 public:
  Matching(const DependencyGraph& graph, std::span<const Dependency> cycle, Arena& arena)
      : graph_(graph),
        cycle_(cycle),
        thread_of_(arena.NewArray<ThreadId>(cycle.size())),
        visited_(arena.NewArray<bool>(cycle.size())) {}

  bool Perfect() {
    if (thread_of_.size() != cycle_.size() || visited_.size() != cycle_.size()) return false;
    for (size_t i = 0; i < cycle_.size(); ++i) {
      std::ranges::fill(visited_, false);
      if (!Assign(i)) return false;
    }
    return true;
  }

 private:
  bool Assign(size_t edge) {
    visited_[edge] = true;
    Threads threads;
    const size_t count = ThreadsOf(graph_, cycle_[edge], threads);
    // A free thread first: that ends the recursion at once in all but contrived cases.
    for (size_t i = 0; i < count; ++i) {
      if (std::ranges::find(thread_of_, threads[i]) == thread_of_.end()) {
        thread_of_[edge] = threads[i];
        return true;
      }
    }
    for (size_t i = 0; i < count; ++i) {
      const size_t other = std::ranges::find(thread_of_, threads[i]) - thread_of_.begin();
      if (visited_[other] || !Assign(other)) continue;
      thread_of_[edge] = threads[i];
      return true;
    }
    return false;
  }

  const DependencyGraph& graph_;
  std::span<const Dependency> cycle_;
  std::span<ThreadId> thread_of_;
  std::span<bool> visited_;
};

bool OneThreadMadeAll(const DependencyGraph& graph, std::span<const Dependency> cycle) {
  Threads candidates;
  size_t count = ThreadsOf(graph, cycle[0], candidates);
  for (const Dependency& step : cycle.subspan(1)) {
    Threads threads;
    const size_t size = ThreadsOf(graph, step, threads);
    const auto gone =
        std::remove_if(candidates.begin(), candidates.begin() + count, [&](ThreadId thread) {
          return std::find(threads.begin(), threads.begin() + size, thread) ==
                 threads.begin() + size;
        });
    count = gone - candidates.begin();
  }
  return count > 0;
}

}  // namespace

Confidence JudgeConfidence(const DependencyGraph& graph, std::span<const Dependency> cycle,
                           Arena& arena) {
  if (Matching(graph, cycle, arena).Perfect()) return Confidence::kWitnessed;
  return OneThreadMadeAll(graph, cycle) ? Confidence::kSingleThread : Confidence::kFewThreads;
}

bool InstancesCloseCycle(const DependencyGraph& graph, std::span<const Dependency> cycle) {
  Instances starts;
  const size_t start_count = InstancesOf(graph, cycle[0], starts);
  for (size_t s = 0; s < start_count; ++s) {
    std::array<const void*, DependencyGraph::kInstancesPerEdge> reached = {starts[s].asked};
    size_t reached_count = 1;
    for (const Dependency& step : cycle.subspan(1)) {
      Instances pairs;
      const size_t count = InstancesOf(graph, step, pairs);
      std::array<const void*, DependencyGraph::kInstancesPerEdge> next = {};
      size_t next_count = 0;
      for (size_t i = 0; i < count; ++i) {
        const auto end = reached.begin() + reached_count;
        if (std::find(reached.begin(), end, pairs[i].held) != end) {
          next[next_count++] = pairs[i].asked;
        }
      }
      reached = next;
      reached_count = next_count;
    }
    const auto end = reached.begin() + reached_count;
    if (std::find(reached.begin(), end, starts[s].held) != end) return true;
  }
  return false;
}

}  // namespace rqlockdep
