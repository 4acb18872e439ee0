// The validator against the reference model, on random traces.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "tests/reference/reference_model.h"
#include "tests/reference/trace_generator.h"
#include "tests/reference/trace_shrinker.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

struct Verdict {
  std::set<std::string> ids;
  bool malformed = false;
  bool operator==(const Verdict&) const = default;
};

Verdict RealVerdict(const Trace& trace) {
  Replay replay(trace, "random.trace");
  Verdict verdict;
  verdict.malformed = replay.Run().has_value();
  for (const Finding& finding : replay.findings()) verdict.ids.insert(ToString(finding.id));
  return verdict;
}

Verdict ModelVerdict(const Trace& trace) {
  const ReferenceResult result = RunReference(trace);
  return {result.Ids(), result.error.has_value()};
}

std::string Describe(const Verdict& verdict) {
  std::string text = verdict.malformed ? "malformed" : "";
  for (const std::string& id : verdict.ids) text += " " + id;
  return text;
}

// Runs `count` traces from `first_seed` on; RQLOCKDEP_TEST_SEED moves the start, to look further.
void CompareMany(uint64_t first_seed, int count, const TraceGeneratorOptions& options) {
  const char* seed_text = std::getenv("RQLOCKDEP_TEST_SEED");
  if (seed_text != nullptr) first_seed += std::strtoull(seed_text, nullptr, 10);
  for (int i = 0; i < count; ++i) {
    const uint64_t seed = first_seed + i;
    const Trace trace = GenerateTrace(seed, options);
    if (RealVerdict(trace) == ModelVerdict(trace)) continue;
    const Trace small =
        Shrink(trace, [](const Trace& t) { return !(RealVerdict(t) == ModelVerdict(t)); });
    FAIL() << "seed " << seed << ": the validator says" << Describe(RealVerdict(small))
           << ", the model says" << Describe(ModelVerdict(small)) << "\n"
           << WriteTrace(small);
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
