#include "validator/report/dot_report.h"

#include <boost/graph/graphviz.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/property_map/property_map.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "validator/graph/boost_graph.h"

namespace rqlockdep {
namespace {

// As a quoted string of the language. boost::escape_dot_string leaves backslashes alone.
std::string Quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += (c >= 0 && c < ' ') ? ' ' : c;
  }
  return result + "\"";
}

std::string ClassName(const ClassInfo& info, Names& names) {
  TextWriter out;
  names.WriteClassName(info, out);
  if (info.version > 1) (out << '#').Decimal(info.version);
  if (info.subclass > 0) (out << '/').Decimal(info.subclass);
  return std::string(out.text());
}

bool Has(const Edge& edge, Strength strength) {
  return (edge.strengths & (1 << static_cast<int>(strength))) != 0;
}

class Picture {
 public:
  Picture(const DependencyGraph& graph, std::span<const Finding> findings, Names& names)
      : graph_(graph), names_(names), component_(graph.class_count()) {
    boost::strong_components(
        BoostGraph(graph),
        boost::make_iterator_property_map(component_.begin(), VertexIndexMap(), component_[0]),
        boost::vertex_index_map(VertexIndexMap()));
    for (const Finding& finding : findings) {
      for (const FindingEdge& edge : finding.edges) {
        if (edge.implicit) {
          interruptions_.insert({edge.held.lock_class->id, edge.asked.lock_class->id});
        } else {
          reported_.insert({edge.held.lock_class->id, edge.asked.lock_class->id});
        }
      }
    }
  }

  void WriteVertex(std::ostream& out, ClassId id) const {
    out << "[label=" << Quoted(ClassName(graph_.Class(id).info, names_)) << "]";
  }

  void WriteEdge(std::ostream& out, EdgeId id) const {
    const Edge& edge = graph_.GetEdge(id);
    std::string label;
    const char* style = nullptr;
    constexpr std::pair<Strength, std::pair<const char*, const char*>> kStyles[] = {
        {Strength::kBlocking, {"blocking", "solid"}},
        {Strength::kTimed, {"timed", "dashed"}},
        {Strength::kResilient, {"resilient", "dotted"}},
    };
    for (const auto& [strength, words] : kStyles) {
      if (!Has(edge, strength)) continue;
      label += (label.empty() ? "" : ", ") + std::string(words.first);
      if (style == nullptr) style = words.second;
    }
    out << "[label=" << Quoted(label) << ", style=" << (style == nullptr ? "solid" : style);
    if (reported_.contains({edge.from, edge.to})) {
      out << ", color=red, penwidth=2";
    } else if (component_[edge.from - 1] == component_[edge.to - 1]) {
      out << ", color=orange";
    }
    out << "]";
  }

  // The interruptions that close a reported path: no edges of the graph.
  void WriteInterruptions(std::ostream& out) const {
    for (const auto& [held, asked] : interruptions_) {
      out << held - 1 << "->" << asked - 1
          << " [label=\"interruption\", style=bold, color=red, arrowhead=empty];\n";
    }
  }

 private:
  using Ends = std::pair<ClassId, ClassId>;

  const DependencyGraph& graph_;
  Names& names_;
  std::vector<int> component_;
  std::set<Ends> reported_;
  std::set<Ends> interruptions_;
};

}  // namespace

void WriteDotReport(const DependencyGraph& graph, std::span<const Finding> findings,
                    const std::string& title, Names& names, std::ostream& out) {
  if (graph.class_count() == 0) {  // Boost.Graph's algorithms expect a vertex
    out << "digraph G {\nlabel=" << Quoted(title) << ";\n}\n";
    return;
  }
  const Picture picture(graph, findings, names);
  const BoostGraph view(graph);
  boost::write_graphviz(
      out, view, [&](std::ostream& o, ClassId id) { picture.WriteVertex(o, id); },
      [&](std::ostream& o, EdgeId id) { picture.WriteEdge(o, id); },
      [&](std::ostream& o) {
        o << "label=" << Quoted(title) << ";\nnode [shape=box];\n";
        picture.WriteInterruptions(o);
      },
      VertexIndexMap());
}

}  // namespace rqlockdep
