// The reference model gives what the conformance traces expect: this ties it to the page that it
// implements before anything else is compared with it.
#include "tests/reference/reference_model.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/trace_corpus.h"
#include "tests/reference/trace_equality.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

TEST(ConformanceTest, TheCorpusIsThere) {
  // A glob that went wrong must not pass.
  EXPECT_GE(LoadTraceCorpus().size(), 390u);
}

TEST(ConformanceTest, ReferenceModelFindsWhatIsExpected) {
  int too_large = 0;
  for (const CorpusTrace& file : LoadTraceCorpus()) {
    SCOPED_TRACE(file.name);
    const TraceReadResult read = ReadTrace(file.text);
    ASSERT_FALSE(read.error) << read.error->position.line << ":" << read.error->position.column
                             << ": " << read.error->message;
    ASSERT_TRUE(file.expected_ids) << "no expectation";
    if (!IsSmallEnough(read.trace)) {
      ++too_large;
      continue;
    }
    const ReferenceResult result = RunReference(read.trace);
    ASSERT_FALSE(result.error) << result.error->position.line << ": " << result.error->message;
    EXPECT_EQ(result.Ids(), *file.expected_ids);
  }
  EXPECT_LE(too_large, 3);
}

TEST(ConformanceTest, TracesSurviveWritingAndReading) {
  for (const CorpusTrace& file : LoadTraceCorpus()) {
    SCOPED_TRACE(file.name);
    const Trace trace = ReadTrace(file.text).trace;
    const TraceReadResult again = ReadTrace(WriteTrace(trace));
    ASSERT_FALSE(again.error) << again.error->message;
    EXPECT_TRUE(EqualButForPositions(trace, again.trace)) << WriteTrace(again.trace);
  }
}

}  // namespace
}  // namespace rqlockdep
