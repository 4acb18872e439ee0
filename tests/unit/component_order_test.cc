// The order of components against the plain search and Boost.Graph, on random graphs.
#include "validator/graph/component_order.h"

#include <gtest/gtest.h>

#include <boost/graph/strong_components.hpp>
#include <boost/property_map/property_map.hpp>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/reference/seeded_random.h"
#include "validator/graph/boost_graph.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {
namespace {

constexpr Strength kStrengths[] = {Strength::kBlocking, Strength::kTimed, Strength::kResilient};

// A graph, and the plain search over the same edges.
class Graph {
 public:
  explicit Graph(uint32_t classes) : successors_(classes + 1) {
    for (uint32_t i = 1; i <= classes; ++i) {
      ClassKey key;
      key.type = ClassKey::Type::kExplicit;
      key.address = uintptr_t{i} << 3;
      EXPECT_EQ(graph_->GetClass(key, LockKind::kMutex, 0), i);
    }
  }

  void AddEdge(ClassId from, ClassId to, Strength strength = Strength::kBlocking) {
    graph_->AddObservation(from, to, Observation({}, strength, kNoGuards));
    successors_[from].insert(to);
  }
  // By walking everything that `from` leads to.
  bool Reaches(ClassId from, ClassId to) const {
    std::vector<bool> seen(successors_.size());
    std::vector<ClassId> stack = {from};
    while (!stack.empty()) {
      const ClassId at = stack.back();
      stack.pop_back();
      if (at == to) return true;
      if (seen[at]) continue;
      seen[at] = true;
      stack.insert(stack.end(), successors_[at].begin(), successors_[at].end());
    }
    return false;
  }
  bool MayLieOnCycle(ClassId from, ClassId to) const {
    return graph_->components().SameComponent(from, to);
  }

  // Every pair of classes against Boost.Graph's components, and the strengths within them.
  void CheckComponents() const {
    const BoostGraph view(*graph_);
    std::vector<int> component(num_vertices(view));
    const int count = boost::strong_components(
        view, boost::make_iterator_property_map(component.begin(), VertexIndexMap()),
        boost::vertex_index_map(VertexIndexMap()));
    std::vector<unsigned> strengths(static_cast<size_t>(count));
    for (EdgeId id = 1; id <= graph_->edge_count(); ++id) {
      const Edge& edge = graph_->GetEdge(id);
      if (component[edge.from - 1] != component[edge.to - 1]) continue;
      strengths[static_cast<size_t>(component[edge.from - 1])] |= edge.strengths;
    }
    for (ClassId a = 1; a <= graph_->class_count(); ++a) {
      ASSERT_EQ(graph_->components().StrengthsWithin(a),
                strengths[static_cast<size_t>(component[a - 1])]);
      for (ClassId b = 1; b <= graph_->class_count(); ++b) {
        ASSERT_EQ(MayLieOnCycle(a, b), component[a - 1] == component[b - 1]) << a << ' ' << b;
      }
    }
  }

  const DependencyGraph& graph() const { return *graph_; }

 private:
  const std::unique_ptr<DependencyGraph> graph_ = std::make_unique<DependencyGraph>();
  std::vector<std::set<ClassId>> successors_;
};

// Adds random edges and says of each new one whether it can lie on a cycle, in two ways.
void CompareWithPlainSearch(uint64_t seed, uint32_t classes, uint32_t edges, bool acyclic) {
  SeededRandom random(seed);
  Graph graph(classes);
  std::vector<ClassId> rank(classes + 1);
  for (uint32_t i = 1; i <= classes; ++i) rank[i] = i;
  for (uint32_t i = classes; i > 1; --i) {
    std::swap(rank[i], rank[static_cast<size_t>(random.Between(1, static_cast<int>(i)))]);
  }
  for (uint32_t i = 0; i < edges; ++i) {
    auto from = static_cast<ClassId>(random.Between(1, static_cast<int>(classes)));
    auto to = static_cast<ClassId>(random.Between(1, static_cast<int>(classes)));
    if (from == to) continue;
    if (acyclic && rank[from] > rank[to]) std::swap(from, to);
    const bool closes = graph.Reaches(to, from);
    graph.AddEdge(from, to, kStrengths[random.Between(0, 2)]);
    ASSERT_EQ(graph.MayLieOnCycle(from, to), closes) << "seed " << seed << ", edge " << i;
    ASSERT_FALSE(acyclic && closes);
    ASSERT_TRUE(graph.graph().components().IsConsistent()) << "seed " << seed << ", edge " << i;
  }
  graph.CheckComponents();
}

TEST(ComponentOrder, SaysOfEveryNewEdgeWhatThePlainSearchSays) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    CompareWithPlainSearch(seed, /*classes=*/12, /*edges=*/40, /*acyclic=*/false);
    CompareWithPlainSearch(seed, /*classes=*/40, /*edges=*/60, /*acyclic=*/false);
  }
}

TEST(ComponentOrder, FindsNoCycleInAGraphWithoutOne) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    CompareWithPlainSearch(seed, /*classes=*/40, /*edges=*/200, /*acyclic=*/true);
  }
  CompareWithPlainSearch(1, /*classes=*/300, /*edges=*/1500, /*acyclic=*/true);
}

TEST(ComponentOrder, GrowsOneComponentEdgeByEdge) {
  // A ring that is closed last, then a second ring that shares one class with it.
  Graph graph(20);
  for (ClassId i = 10; i > 1; --i) graph.AddEdge(i, i - 1);
  EXPECT_FALSE(graph.MayLieOnCycle(10, 1));
  graph.AddEdge(1, 10, Strength::kTimed);
  for (ClassId i = 1; i < 10; ++i) EXPECT_TRUE(graph.MayLieOnCycle(i, i + 1));
  EXPECT_FALSE(graph.MayLieOnCycle(10, 11));
  graph.AddEdge(5, 15, Strength::kResilient);
  graph.AddEdge(15, 5, Strength::kResilient);
  graph.CheckComponents();
  EXPECT_TRUE(graph.graph().components().IsConsistent());
}

TEST(ComponentOrder, AChainThatGrowsAtItsFrontMovesOneClassAnEdge) {
  constexpr uint32_t kClasses = 20000;
  Graph graph(kClasses);
  for (ClassId i = 1; i < kClasses; ++i) graph.AddEdge(i + 1, i);
  EXPECT_TRUE(graph.graph().components().IsConsistent());
  EXPECT_LE(graph.graph().components().arcs_looked_at(), 4U * kClasses);
}

TEST(ContextReach, FollowsTheEdgesWhateverComesFirst) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    constexpr int kClasses = 12;
    auto graph = std::make_unique<DependencyGraph>();
    std::vector<std::vector<bool>> reaches(kClasses + 1, std::vector<bool>(kClasses + 1));
    for (uint32_t i = 1; i <= kClasses; ++i) {
      ClassKey key;
      key.address = uintptr_t{i} << 3;
      // One of them is of a kind at which no path ends.
      graph->GetClass(key, i == 1 ? LockKind::kLocalLock : LockKind::kMutex, 0);
      reaches[i][i] = true;
    }
    std::set<ClassId> used;
    std::set<ClassId> enabled;
    for (int i = 0; i < 25; ++i) {
      const auto a = static_cast<ClassId>(random.Between(1, kClasses));
      const auto b = static_cast<ClassId>(random.Between(1, kClasses));
      if (random.Percent(10)) {
        graph->AddUsedIn(a, kSoftIndex, false, Strength::kBlocking, {});
        if (a != 1) used.insert(a);
      } else if (random.Percent(10)) {
        graph->AddEnabled(a, kSoftIndex, false, {});
        if (a != 1) enabled.insert(a);
      } else if (a != b) {
        graph->AddObservation(a, b, {});
        for (ClassId x = 1; x <= kClasses; ++x) {
          for (ClassId y = 1; y <= kClasses; ++y) {
            if (reaches[x][a] && reaches[b][y]) reaches[x][y] = true;
          }
        }
      }
      for (ClassId x = 1; x <= kClasses; ++x) {
        bool after = false;
        bool before = false;
        for (const ClassId u : used) after = after || reaches[u][x];
        for (const ClassId e : enabled) before = before || reaches[x][e];
        ASSERT_EQ(graph->context_reach().AfterUsedIn(x, kSoftIndex), after) << "seed " << seed;
        ASSERT_EQ(graph->context_reach().BeforeEnabled(x, kSoftIndex), before) << "seed " << seed;
        ASSERT_FALSE(graph->context_reach().AfterUsedIn(x, kHardIndex));
      }
    }
  }
}

}  // namespace
}  // namespace rqlockdep
