#include "tests/reference/trace_shrinker.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/reference/reference_model.h"
#include "tests/reference/trace_generator.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

TEST(TraceShrinkerTest, LeavesWhatDoesNotFail) {
  const Trace trace = GenerateTrace(1);
  EXPECT_EQ(WriteTrace(Shrink(trace, [](const Trace&) { return false; })), WriteTrace(trace));
}

TEST(TraceShrinkerTest, TakesAwayEverythingThatDoesNotMatter) {
  EXPECT_EQ(WriteTrace(Shrink(GenerateTrace(1), [](const Trace&) { return true; })),
            "lock-trace 1\n");
}

TEST(TraceShrinkerTest, KeepsWhatMatters) {
  const Trace trace =
      ReadTrace(
          "lock-trace 1\nlock A mutex class=K\nlock B mutex class=L\nlock S section\n"
          "T acquire S\nT acquire A subclass=2\nT enter soft\nT leave soft\nT acquire B try =busy\n"
          "T release S\nU acquire B\nU acquire A timed\nV join T\nT release A\nU exit\n")
          .trace;
  const auto holds_at_exit = [](const Trace& candidate) {
    return RunReference(candidate).Ids().contains("held-at-exit");
  };
  ASSERT_TRUE(holds_at_exit(trace));
  EXPECT_EQ(WriteTrace(Shrink(trace, holds_at_exit)),
            "lock-trace 1\nlock A mutex\nU acquire A\nU exit\n");
}

TEST(TraceShrinkerTest, RandomCyclesBecomeSmall) {
  int shrunk = 0;
  for (uint64_t seed = 0; shrunk < 10; ++seed) {
    const Trace trace = GenerateTrace(seed);
    const auto has_cycle = [](const Trace& candidate) {
      return RunReference(candidate).Ids().contains("circular-dependency");
    };
    if (!has_cycle(trace)) continue;
    ++shrunk;
    const Trace small = Shrink(trace, has_cycle);
    EXPECT_TRUE(has_cycle(small));
    EXPECT_FALSE(RunReference(small).error);
    EXPECT_LE(small.events.size(), 16u) << WriteTrace(small);
  }
}

}  // namespace
}  // namespace rqlockdep
