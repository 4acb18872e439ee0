#include "tests/reference/simple_cycles.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/hawick_circuits.hpp>
#include <boost/graph/strong_components.hpp>
#include <utility>
#include <vector>

namespace rqlockdep {
namespace {

using BoostGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;

struct CycleCollector {
  template <typename Path, typename Graph>
  void cycle(const Path& path, const Graph&) const {
    std::vector<int> vertices(path.begin(), path.end());
    if (vertices.size() < 2) return;
    std::rotate(vertices.begin(), std::min_element(vertices.begin(), vertices.end()),
                vertices.end());
    cycles->push_back(std::move(vertices));
  }

  std::vector<std::vector<int>>* cycles;
};

BoostGraph MakeGraph(const ArcSet& arcs) {
  int vertex_count = 0;
  for (const auto& [from, to] : arcs) vertex_count = std::max({vertex_count, from + 1, to + 1});
  BoostGraph graph(vertex_count);
  for (const auto& [from, to] : arcs) boost::add_edge(from, to, graph);
  return graph;
}

}  // namespace

std::vector<std::vector<int>> SimpleCycles(const ArcSet& arcs) {
  // Most graphs have no cycle at all. This shows it soonest: an arc is on a cycle only within one
  // strong component.
  const BoostGraph graph = MakeGraph(arcs);
  std::vector<int> component(boost::num_vertices(graph));
  boost::strong_components(graph, component.data());
  ArcSet inner_arcs;
  for (const auto& arc : arcs) {
    if (arc.first != arc.second && component[arc.first] == component[arc.second]) {
      inner_arcs.insert(arc);
    }
  }
  std::vector<std::vector<int>> cycles;
  if (!inner_arcs.empty()) {
    boost::hawick_circuits(MakeGraph(inner_arcs), CycleCollector{&cycles});
  }
  return cycles;
}

}  // namespace rqlockdep
