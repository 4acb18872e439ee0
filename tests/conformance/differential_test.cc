// The validator against the reference model, on random traces.
#include <gtest/gtest.h>

#include <boost/graph/strong_components.hpp>
#include <boost/property_map/property_map.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/conformance/trace_corpus.h"
#include "tests/conformance/verdict_comparison.h"
#include "tests/reference/reference_model.h"
#include "tests/reference/trace_generator.h"
#include "tests/reference/trace_shrinker.h"
#include "validator/graph/boost_graph.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

// Runs `count` traces from `first_seed` on; RQLOCKDEP_TEST_SEED moves the start, to look further,
// and RQLOCKDEP_TEST_FACTOR multiplies the count.
void CompareMany(uint64_t first_seed, int count, const TraceGeneratorOptions& options) {
  const char* seed_text = std::getenv("RQLOCKDEP_TEST_SEED");
  if (seed_text != nullptr) first_seed += std::strtoull(seed_text, nullptr, 10);
  const char* factor_text = std::getenv("RQLOCKDEP_TEST_FACTOR");
  if (factor_text != nullptr) count *= std::atoi(factor_text);
  std::printf("seeds %ju to %ju\n", uintmax_t{first_seed}, uintmax_t{first_seed + count - 1});
  for (int i = 0; i < count; ++i) {
    const uint64_t seed = first_seed + i;
    const Trace trace = GenerateTrace(seed, options);
    if (CompareVerdicts(trace).empty()) continue;
    const Trace small = Shrink(trace, [](const Trace& t) { return !CompareVerdicts(t).empty(); });
    // Lines are those of what is printed.
    const std::string text = WriteTrace(small);
    FAIL() << "seed " << seed << ": " << CompareVerdicts(ReadTrace(text).trace) << "\n" << text;
  }
}

// Boost.Graph's strong components of the validator's own graph against what it reported: a cycle of
// edges lies within one component.
TEST(Differential, CyclesLieInStrongComponents) {
  int cycles = 0;
  for (uint64_t seed = 3000000; seed < 3002000; ++seed) {
    const Trace trace = GenerateTrace(seed);
    Replay replay(trace, "random.trace");
    replay.Run();
    const BoostGraph graph(replay.validator().graph());
    std::vector<int> component(num_vertices(graph));
    boost::strong_components(graph,
                             boost::make_iterator_property_map(component.begin(), VertexIndexMap()),
                             boost::vertex_index_map(VertexIndexMap()));
    for (const Finding& finding : replay.findings()) {
      if (finding.id != FindingId::kCircularDependency) continue;
      ++cycles;
      for (const FindingEdge& edge : finding.edges) {
        ASSERT_EQ(component[edge.held.lock_class->id - 1], component[edge.asked.lock_class->id - 1])
            << "seed " << seed;
      }
    }
  }
  EXPECT_GT(cycles, 100);
}

// Not random, but the comparison is the same.
TEST(Differential, TheConformanceTraces) {
  for (const CorpusTrace& file : LoadTraceCorpus()) {
    const Trace trace = ReadTrace(file.text).trace;
    if (!IsSmallEnough(trace)) continue;
    EXPECT_EQ(CompareVerdicts(trace), "") << file.name;
  }
}

TEST(Differential, EveryEventAndKind) { CompareMany(1, 12000, {}); }

TEST(Differential, NoContexts) {
  TraceGeneratorOptions options;
  options.contexts = false;
  CompareMany(1000000, 6000, options);
}

TEST(Differential, ManyLocksFewThreads) {
  TraceGeneratorOptions options;
  options.threads = 2;
  options.locks = 8;
  options.events = 100;
  options.depth = 6;
  CompareMany(2000000, 2000, options);
}

}  // namespace
}  // namespace rqlockdep
