#include "validator/report/dot_report.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

std::string Dot(const std::string& events) {
  const TraceReadResult read = ReadTrace("lock-trace 1\n" + events);
  EXPECT_FALSE(read.error.has_value());
  Replay replay(read.trace, "test.trace");
  EXPECT_FALSE(replay.Run().has_value());
  std::ostringstream out;
  WriteDotReport(replay.validator().graph(), replay.findings(), "a \"title\"", replay.names(), out);
  return out.str();
}

void ExpectContains(const std::string& dot, const std::string& text) {
  EXPECT_NE(dot.find(text), std::string::npos) << text << "\n" << dot;
}

TEST(DotReportTest, NoLocks) {
  const std::string dot = Dot("");
  ExpectContains(dot, "digraph G {");
  ExpectContains(dot, "label=\"a \\\"title\\\"\";");
}

TEST(DotReportTest, StrengthsAreLineStyles) {
  const std::string dot =
      Dot("lock A qspinlock\nlock B mutex\nlock C rqspinlock\nlock D mutex\n"
          "T1 acquire A\nT1 acquire B\nT1 acquire C\nT1 acquire D timed\n");
  ExpectContains(dot, "0[label=\"A\"]");
  ExpectContains(dot, "3[label=\"D\"]");
  ExpectContains(dot, "0->1 [label=\"blocking\", style=solid]");
  ExpectContains(dot, "0->2 [label=\"resilient\", style=dotted]");
  ExpectContains(dot, "0->3 [label=\"timed\", style=dashed]");
  EXPECT_EQ(dot.find("color"), std::string::npos) << dot;
}

TEST(DotReportTest, TheStrongestIsTheLineTheOthersAreInTheLabel) {
  ExpectContains(Dot("lock A qspinlock\nlock B mutex\n"
                     "T1 acquire A\nT1 acquire B timed\nT1 release B\nT1 acquire B\n"),
                 "[label=\"blocking, timed\", style=solid]");
}

TEST(DotReportTest, ReportedCyclesAreRed) {
  const std::string dot =
      Dot("lock A qspinlock\nlock B qspinlock\n"
          "T1 acquire A\nT1 acquire B\nT1 release B\nT1 release A\n"
          "T2 acquire B\nT2 acquire A\n");
  ExpectContains(dot, "0->1 [label=\"blocking\", style=solid, color=red, penwidth=2]");
  ExpectContains(dot, "1->0 [label=\"blocking\", style=solid, color=red, penwidth=2]");
}

TEST(DotReportTest, CyclesThatAreNoFindingAreOrange) {
  const std::string dot =
      Dot("lock A rqspinlock\nlock B rqspinlock\n"
          "T1 acquire A\nT1 acquire B\nT1 release B\nT1 release A\n"
          "T2 acquire B\nT2 acquire A\n");
  ExpectContains(dot, "0->1 [label=\"resilient\", style=dotted, color=orange]");
}

TEST(DotReportTest, InterruptionsAreDrawn) {
  const std::string dot =
      Dot("lock A qspinlock\n"
          "T1 enter hard\nT1 acquire A\nT1 release A\nT1 leave hard\nT1 acquire A\n");
  ExpectContains(dot, "0->0 [label=\"interruption\"");
}

}  // namespace
}  // namespace rqlockdep
