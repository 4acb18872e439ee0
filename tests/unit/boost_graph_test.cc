// The lock-order graph models the Boost.Graph concepts, and Boost's algorithms run on it.
#include "validator/graph/boost_graph.h"

#include <gtest/gtest.h>

#include <boost/graph/graph_concepts.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/graph/topological_sort.hpp>
#include <boost/property_map/vector_property_map.hpp>
#include <iterator>
#include <vector>

namespace rqlockdep {
namespace {

BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<BoostGraph>));
BOOST_CONCEPT_ASSERT((boost::EdgeListGraphConcept<BoostGraph>));
BOOST_CONCEPT_ASSERT((boost::IncidenceGraphConcept<BoostGraph>));
BOOST_CONCEPT_ASSERT((boost::BidirectionalGraphConcept<BoostGraph>));

class BoostGraphTest : public ::testing::Test {
 protected:
  ClassId AddClass() {
    ClassKey key;
    key.type = ClassKey::Type::kExplicit;
    key.address = 64 * ++classes_;
    key.name = "class";
    return dependencies_.GetClass(key, LockKind::kMutex, 0);
  }
  void AddEdge(ClassId from, ClassId to) { dependencies_.AddObservation(from, to, {}); }

  DependencyGraph dependencies_;
  int classes_ = 0;
};

TEST_F(BoostGraphTest, SeesVerticesAndEdgesFromBothEnds) {
  const ClassId a = AddClass();
  const ClassId b = AddClass();
  const ClassId c = AddClass();
  AddEdge(a, b);
  AddEdge(a, c);
  AddEdge(b, c);
  const BoostGraph graph(dependencies_);
  EXPECT_EQ(num_vertices(graph), 3U);
  EXPECT_EQ(num_edges(graph), 3U);
  const auto [v_begin, v_end] = vertices(graph);
  EXPECT_EQ(std::vector<ClassId>(v_begin, v_end), (std::vector<ClassId>{a, b, c}));
  for (auto [e, end] = edges(graph); e != end; ++e) {
    bool out = false;
    bool in = false;
    for (auto [o, o_end] = out_edges(source(*e, graph), graph); o != o_end; ++o) out |= *o == *e;
    for (auto [i, i_end] = in_edges(target(*e, graph), graph); i != i_end; ++i) in |= *i == *e;
    EXPECT_TRUE(out && in);
  }
  EXPECT_EQ(out_degree(a, graph), 2U);
  EXPECT_EQ(in_degree(c, graph), 2U);
  EXPECT_EQ(degree(b, graph), 2U);
  const auto [o_begin, o_end] = out_edges(a, graph);
  EXPECT_EQ(std::distance(o_begin, o_end), 2);
}

TEST_F(BoostGraphTest, StrongComponentsFindTheRing) {
  const ClassId a = AddClass();
  const ClassId b = AddClass();
  const ClassId c = AddClass();
  const ClassId outside = AddClass();
  AddEdge(a, b);
  AddEdge(b, c);
  AddEdge(c, a);
  AddEdge(c, outside);
  const BoostGraph graph(dependencies_);
  std::vector<int> components(num_vertices(graph));
  const int count = boost::strong_components(
      graph, boost::make_iterator_property_map(components.begin(), VertexIndexMap()),
      boost::vertex_index_map(VertexIndexMap()));
  EXPECT_EQ(count, 2);
  EXPECT_EQ(components[a - 1], components[b - 1]);
  EXPECT_EQ(components[a - 1], components[c - 1]);
  EXPECT_NE(components[a - 1], components[outside - 1]);
}

TEST_F(BoostGraphTest, TopologicalSortGivesAnOrder) {
  const ClassId a = AddClass();
  const ClassId b = AddClass();
  const ClassId c = AddClass();
  AddEdge(c, b);
  AddEdge(b, a);
  const BoostGraph graph(dependencies_);
  std::vector<ClassId> reversed;
  boost::topological_sort(graph, std::back_inserter(reversed),
                          boost::vertex_index_map(VertexIndexMap()));
  EXPECT_EQ(reversed, (std::vector<ClassId>{a, b, c}));
}

}  // namespace
}  // namespace rqlockdep
