// The lock-order graph as a model of the Boost.Graph concepts VertexListGraph, EdgeListGraph,
// BidirectionalGraph (and so IncidenceGraph), with a vertex index.
//
//   const BoostGraph graph(validator.graph());
//   boost::strong_components(graph, component_map, boost::vertex_index_map(VertexIndexMap()));
//
// A view: nothing is copied, so the graph must stay still and outlive it. A vertex is a ClassId, an
// edge an EdgeId. Iterators are forward iterators. Slow to compile; for offline use and for tests.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_BOOST_GRAPH_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_BOOST_GRAPH_H_

#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <boost/iterator/counting_iterator.hpp>
#include <boost/iterator/iterator_facade.hpp>
#include <boost/property_map/property_map.hpp>
#include <utility>

#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

class BoostGraph {
 public:
  struct traversal_category : virtual boost::bidirectional_graph_tag,
                              virtual boost::vertex_list_graph_tag,
                              virtual boost::edge_list_graph_tag {};
  using vertex_descriptor = ClassId;
  using edge_descriptor = EdgeId;
  using directed_category = boost::bidirectional_tag;
  using edge_parallel_category = boost::disallow_parallel_edge_tag;
  using vertices_size_type = uint32_t;
  using edges_size_type = uint32_t;
  using degree_size_type = uint32_t;
  using vertex_iterator = boost::counting_iterator<ClassId>;
  using edge_iterator = boost::counting_iterator<EdgeId>;

  // Walks the list of the edges out of, or into, one class.
  template <EdgeId Edge::*kNext>
  class IncidentIterator : public boost::iterator_facade<IncidentIterator<kNext>, EdgeId,
                                                         boost::forward_traversal_tag, EdgeId> {
   public:
    IncidentIterator() = default;
    IncidentIterator(const DependencyGraph* graph, EdgeId edge) : graph_(graph), edge_(edge) {}

   private:
    friend class boost::iterator_core_access;
    EdgeId dereference() const { return edge_; }
    bool equal(const IncidentIterator& other) const { return edge_ == other.edge_; }
    void increment() { edge_ = graph_->GetEdge(edge_).*kNext; }

    const DependencyGraph* graph_ = nullptr;
    EdgeId edge_ = kNoEdge;
  };
  using out_edge_iterator = IncidentIterator<&Edge::next_out>;
  using in_edge_iterator = IncidentIterator<&Edge::next_in>;
  using adjacency_iterator = void;

  explicit BoostGraph(const DependencyGraph& graph) : graph_(&graph) {}

  static vertex_descriptor null_vertex() { return kNoClass; }
  const DependencyGraph& graph() const { return *graph_; }

 private:
  const DependencyGraph* graph_;
};

// Classes are numbered from 1, indices from 0.
struct VertexIndexMap {
  using key_type = ClassId;
  using value_type = uint32_t;
  using reference = uint32_t;
  using category = boost::readable_property_map_tag;
};
inline uint32_t get(const VertexIndexMap&, ClassId vertex) { return vertex - 1; }
inline VertexIndexMap get(boost::vertex_index_t, const BoostGraph&) { return {}; }
inline uint32_t get(boost::vertex_index_t, const BoostGraph&, ClassId vertex) { return vertex - 1; }

inline uint32_t num_vertices(const BoostGraph& g) { return g.graph().class_count(); }
inline std::pair<BoostGraph::vertex_iterator, BoostGraph::vertex_iterator> vertices(
    const BoostGraph& g) {
  return {BoostGraph::vertex_iterator(1), BoostGraph::vertex_iterator(num_vertices(g) + 1)};
}

inline uint32_t num_edges(const BoostGraph& g) { return g.graph().edge_count(); }
inline std::pair<BoostGraph::edge_iterator, BoostGraph::edge_iterator> edges(const BoostGraph& g) {
  return {BoostGraph::edge_iterator(1), BoostGraph::edge_iterator(num_edges(g) + 1)};
}
inline ClassId source(EdgeId edge, const BoostGraph& g) { return g.graph().GetEdge(edge).from; }
inline ClassId target(EdgeId edge, const BoostGraph& g) { return g.graph().GetEdge(edge).to; }

// Linear in the degree.
inline uint32_t out_degree(ClassId vertex, const BoostGraph& g) {
  uint32_t count = 0;
  for (EdgeId e = g.graph().Class(vertex).first_out; e != kNoEdge;
       e = g.graph().GetEdge(e).next_out) {
    ++count;
  }
  return count;
}
inline uint32_t in_degree(ClassId vertex, const BoostGraph& g) {
  uint32_t count = 0;
  for (EdgeId e = g.graph().Class(vertex).first_in; e != kNoEdge;
       e = g.graph().GetEdge(e).next_in) {
    ++count;
  }
  return count;
}
inline uint32_t degree(ClassId vertex, const BoostGraph& g) {
  return out_degree(vertex, g) + in_degree(vertex, g);
}
inline std::pair<BoostGraph::out_edge_iterator, BoostGraph::out_edge_iterator> out_edges(
    ClassId vertex, const BoostGraph& g) {
  return {{&g.graph(), g.graph().Class(vertex).first_out}, {&g.graph(), kNoEdge}};
}
inline std::pair<BoostGraph::in_edge_iterator, BoostGraph::in_edge_iterator> in_edges(
    ClassId vertex, const BoostGraph& g) {
  return {{&g.graph(), g.graph().Class(vertex).first_in}, {&g.graph(), kNoEdge}};
}

}  // namespace rqlockdep

namespace boost {

template <>
struct property_map<rqlockdep::BoostGraph, vertex_index_t> {
  using type = rqlockdep::VertexIndexMap;
  using const_type = rqlockdep::VertexIndexMap;
};

}  // namespace boost

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_BOOST_GRAPH_H_
