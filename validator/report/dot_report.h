// The lock-order graph as a picture, in the language of Graphviz (`dot -Tsvg`).
//
// A node is a lock class, an arrow X -> Y says that Y was asked for while X was held. The arrow's
// line is that of the strongest acquisition seen: blocking solid, timed dashed, resilient dotted;
// its label lists the others too. Red are the arrows of a reported cycle, orange those that lie on
// some cycle of the graph (in one strongly connected component) without having been reported.
//
// It allocates: for the command line tool and for the end of a process only. The graph must be
// still.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_DOT_REPORT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_DOT_REPORT_H_

#include <ostream>
#include <span>
#include <string>

#include "validator/core/finding.h"
#include "validator/graph/dependency_graph.h"
#include "validator/report/names.h"

namespace rqlockdep {

// One `digraph`, titled `title`. `findings` are those of the graph's validator.
void WriteDotReport(const DependencyGraph& graph, std::span<const Finding> findings,
                    const std::string& title, Names& names, std::ostream& out);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_DOT_REPORT_H_
