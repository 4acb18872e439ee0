// All simple cycles of a small directed graph, found by Boost.Graph (Hawick and James 2008).
//
// For reference models only: the number of cycles can grow with the factorial of the vertices.
#ifndef RQLOCKDEP_TESTS_REFERENCE_SIMPLE_CYCLES_H_
#define RQLOCKDEP_TESTS_REFERENCE_SIMPLE_CYCLES_H_

#include <set>
#include <utility>
#include <vector>

namespace rqlockdep {

// An arc (a, b) leads from vertex a to vertex b; vertices are numbers from 0.
using ArcSet = std::set<std::pair<int, int>>;

// Each cycle of two or more vertices once, as the sequence of its vertices, with an arc from each
// to the next and from the last to the first. It begins with its smallest vertex.
std::vector<std::vector<int>> SimpleCycles(const ArcSet& arcs);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_SIMPLE_CYCLES_H_
