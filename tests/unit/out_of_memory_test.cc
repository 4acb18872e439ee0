// Whatever allocation fails, the validator says so once, is quiet from then on, and finds nothing
// that is not there.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/trace_corpus.h"
#include "tests/support/failing_memory.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"

namespace rqlockdep {
namespace {

struct Outcome {
  std::set<std::string> ids;
  int warnings = 0;
  bool started = true;  // there was memory for the validator's threads
};

Outcome RunWith(const Trace& trace, const MemoryFailures& failures) {
  Outcome outcome;
  FailMappings(failures);
  try {
    Replay replay(trace, "trace");
    replay.Run();
    for (const Finding& finding : replay.findings()) outcome.ids.insert(ToString(finding.id));
    outcome.warnings = static_cast<int>(replay.warnings().size());
  } catch (const std::bad_alloc&) {
    outcome.started = false;
  }
  FailMappings({});
  return outcome;
}

// Runs the trace once for each of its mappings, which then fails with all `step`th that follow, but
// no more than `count`.
void FailEach(const std::string& name, const Trace& trace, const std::set<std::string>& expected,
              uint64_t mappings, uint64_t step, uint64_t count, int* quiet) {
  for (uint64_t first = 0; first < mappings; ++first) {
    const Outcome outcome = RunWith(trace, {first, step, count});
    if (!outcome.started) continue;
    for (const std::string& id : outcome.ids) {
      EXPECT_TRUE(expected.contains(id))
          << name << ": " << id << " when mapping " << first << " failed";
    }
    // The failures may have been after the last event, when there is nobody to warn.
    EXPECT_LE(outcome.warnings, 1) << name << " when mapping " << first << " failed";
    *quiet += outcome.warnings;
  }
}

// RQLOCKDEP_TEST_STRIDE says how many traces are left out between two.
TEST(OutOfMemoryTest, EveryAllocationOfATrace) {
  const char* stride_text = std::getenv("RQLOCKDEP_TEST_STRIDE");
  const size_t stride = stride_text == nullptr ? 8 : std::strtoul(stride_text, nullptr, 10);
  int quiet = 0;
  int traces = 0;
  const std::vector<CorpusTrace> corpus = LoadTraceCorpus();
  for (size_t i = 0; i < corpus.size(); i += stride) {
    const CorpusTrace& file = corpus[i];
    const Trace trace = ReadTrace(file.text).trace;
    FailMappings({});
    const Outcome whole = RunWith(trace, {});
    EXPECT_EQ(whole.ids, *file.expected_ids) << file.name;
    EXPECT_EQ(whole.warnings, 0) << file.name;
    FailMappings({});
    {
      Replay replay(trace, "trace");
      replay.Run();
    }
    const uint64_t mappings = MappingsAskedFor();
    ASSERT_GT(mappings, 5U);
    FailEach(file.name, trace, whole.ids, mappings, 1, 1, &quiet);
    FailEach(file.name, trace, whole.ids, mappings, 1, UINT64_MAX, &quiet);
    ++traces;
  }
  // It did run out, mostly where somebody could be told.
  EXPECT_GT(quiet, 10 * traces);
}

}  // namespace
}  // namespace rqlockdep
