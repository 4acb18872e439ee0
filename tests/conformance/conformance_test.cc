// Every trace gives exactly the findings that it says it expects.
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

#include "tests/conformance/trace_corpus.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"

namespace rqlockdep {
namespace {

class ConformanceTest : public ::testing::TestWithParam<CorpusTrace> {};

TEST_P(ConformanceTest, GivesExactlyTheExpectedFindings) {
  const CorpusTrace& expected = GetParam();
  ASSERT_TRUE(expected.expected_ids.has_value()) << "no # expect: comment";
  const TraceReadResult read = ReadTrace(expected.text);
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  Replay replay(read.trace, expected.name);
  const std::optional<TraceError> error = replay.Run();
  ASSERT_FALSE(error.has_value()) << error->message;
  std::set<std::string> ids;
  for (const Finding& finding : replay.findings()) ids.insert(ToString(finding.id));
  EXPECT_EQ(ids, *expected.expected_ids);
}

std::string TestName(const ::testing::TestParamInfo<CorpusTrace>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(AllTraces, ConformanceTest, ::testing::ValuesIn(LoadTraceCorpus()),
                         TestName);

}  // namespace
}  // namespace rqlockdep
