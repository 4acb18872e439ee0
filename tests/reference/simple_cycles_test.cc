#include "tests/reference/simple_cycles.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/reference/seeded_random.h"

namespace rqlockdep {
namespace {

using Cycles = std::vector<std::vector<int>>;

// All cycles whose smallest vertex is the first of `path`, by trying every continuation.
void Extend(const ArcSet& arcs, std::vector<int>& path, std::set<std::vector<int>>& cycles) {
  for (const auto& [from, to] : arcs) {
    if (from != path.back()) continue;
    if (to == path.front() && path.size() >= 2) cycles.insert(path);
    if (to <= path.front() || std::find(path.begin(), path.end(), to) != path.end()) continue;
    path.push_back(to);
    Extend(arcs, path, cycles);
    path.pop_back();
  }
}

TEST(SimpleCyclesTest, NoArcsNoCycles) {
  EXPECT_EQ(SimpleCycles({}), Cycles{});
  EXPECT_EQ(SimpleCycles({{0, 1}, {1, 2}, {0, 2}}), Cycles{});
}

TEST(SimpleCyclesTest, IgnoresLoops) { EXPECT_EQ(SimpleCycles({{0, 0}, {3, 3}}), Cycles{}); }

TEST(SimpleCyclesTest, BeginsWithTheSmallest) {
  EXPECT_EQ(SimpleCycles({{5, 2}, {2, 7}, {7, 5}}), (Cycles{{2, 7, 5}}));
}

TEST(SimpleCyclesTest, AgreesWithTryingEverything) {
  SeededRandom random(1);
  for (int round = 0; round < 2000; ++round) {
    const int vertices = random.Between(2, 6);
    const int percent = random.Between(10, 90);
    ArcSet arcs;
    for (int from = 0; from < vertices; ++from) {
      for (int to = 0; to < vertices; ++to) {
        if (random.Percent(percent)) arcs.insert({from, to});
      }
    }
    std::set<std::vector<int>> expected;
    for (int start = 0; start < vertices; ++start) {
      std::vector<int> path = {start};
      Extend(arcs, path, expected);
    }
    const Cycles cycles = SimpleCycles(arcs);
    EXPECT_EQ(std::set<std::vector<int>>(cycles.begin(), cycles.end()), expected);
    EXPECT_EQ(cycles.size(), expected.size()) << "a cycle came twice";
  }
}

}  // namespace
}  // namespace rqlockdep
