// Properties of every text report, and golden files of some, which show reviewers what users see.
//
// To write the golden files anew, in the root of the workspace:
//   RQLOCKDEP_UPDATE_GOLDEN=$PWD/tests/unit/golden bazel-bin/tests/unit/text_report_test
#include "validator/report/text_report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/sample_findings.h"

namespace rqlockdep {
namespace {

constexpr size_t kColumns = 110;
using Naming = SampleFindings::Naming;

std::string Report(const Finding& finding, Names& names) {
  TextWriter out;
  WriteTextReport(finding, names, out);
  return std::string(out.text());
}

std::string Headline(const Finding& finding, Names& names) {
  TextWriter out;
  WriteHeadline(finding, names, out);
  return std::string(out.text());
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What a reader who joins the lines sees.
std::string WithoutLineBreaks(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank) result += c;
    if (blank && !result.empty() && result.back() != ' ') result += ' ';
  }
  return result;
}

std::vector<const ClassInfo*> ClassesOf(const Finding& finding) {
  std::set<const ClassInfo*> classes = {finding.lock.lock_class, finding.other.lock_class};
  for (const FindingLock& lock : finding.held) classes.insert(lock.lock_class);
  for (const FindingEdge& edge : finding.edges) {
    classes.insert(edge.held.lock_class);
    classes.insert(edge.asked.lock_class);
  }
  for (const FindingThread& thread : finding.threads) classes.insert(thread.waits_for.lock_class);
  classes.erase(nullptr);
  return {classes.begin(), classes.end()};
}

class TextReportTest : public testing::TestWithParam<Naming> {
 protected:
  SampleFindings samples_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Namings, TextReportTest, testing::Values(Naming::kShort, Naming::kLong),
                         [](const testing::TestParamInfo<Naming>& naming) {
                           return naming.param == Naming::kShort ? "Short" : "Long";
                         });

TEST_P(TextReportTest, EveryVerdictHasASample) {
  std::set<FindingId> ids;
  for (const Sample& sample : samples_.all()) ids.insert(sample.finding.id);
  EXPECT_EQ(ids.size(), static_cast<size_t>(kFindingIdCount));
}

TEST_P(TextReportTest, LinesFitThePageAndEndWithoutBlanks) {
  for (const Sample& sample : samples_.all()) {
    SCOPED_TRACE(sample.name);
    const std::string report = Report(sample.finding, samples_.names());
    EXPECT_TRUE(report.ends_with("\n"));
    for (const std::string& line : Lines(report)) {
      EXPECT_LE(line.size(), kColumns) << line;
      EXPECT_FALSE(line.ends_with(" ")) << line;
      EXPECT_EQ(line.find('\t'), std::string::npos) << line;
    }
  }
}

TEST_P(TextReportTest, HeadlineIsTheSecondLineAndCanBeSearchedFor) {
  for (const Sample& sample : samples_.all()) {
    SCOPED_TRACE(sample.name);
    const std::string report = Report(sample.finding, samples_.names());
    const std::string begin = std::string("rqlockdep: ") + ToString(sample.finding.severity) +
                              ": " + ToString(sample.finding.id) + ": ";
    const std::vector<std::string> lines = Lines(report);
    EXPECT_EQ(lines[0].find_first_not_of('='), std::string::npos);
    EXPECT_TRUE(lines[1].starts_with(begin)) << lines[1];
    EXPECT_GT(lines[1].size(), begin.size());
    EXPECT_EQ(lines[1] + "\n", Headline(sample.finding, samples_.names()));
    EXPECT_EQ(report.find("rqlockdep: ", report.find(begin) + 1), std::string::npos);
  }
}

TEST_P(TextReportTest, NamesEveryClassAndThread) {
  for (const Sample& sample : samples_.all()) {
    SCOPED_TRACE(sample.name);
    const std::string report = WithoutLineBreaks(Report(sample.finding, samples_.names()));
    // Long class names stand at the end in full; there, blanks are as in the name.
    std::string squeezed;
    for (const char c : report) squeezed += c == ' ' ? "" : std::string(1, c);
    for (const ClassInfo* info : ClassesOf(sample.finding)) {
      std::string name;
      for (const char c : std::string(info->key.name)) name += c == ' ' ? "" : std::string(1, c);
      EXPECT_NE(squeezed.find(name), std::string::npos) << info->key.name << report;
    }
    std::set<ThreadId> threads = {sample.finding.thread};
    for (const FindingEdge& edge : sample.finding.edges) threads.insert(edge.thread);
    if (!sample.finding.threads.empty()) threads.clear();
    for (const FindingThread& thread : sample.finding.threads) threads.insert(thread.thread);
    for (const ThreadId thread : threads) {
      EXPECT_NE(report.find("thread " + std::to_string(thread)), std::string::npos) << thread;
    }
  }
}

TEST_P(TextReportTest, SaysWhatToDo) {
  for (const Sample& sample : samples_.all()) {
    SCOPED_TRACE(sample.name);
    const std::string report = Report(sample.finding, samples_.names());
    EXPECT_NE(report.find("\nWhat happens then:\n"), std::string::npos) << report;
    EXPECT_NE(report.find("\nWhat to do:\n"), std::string::npos) << report;
  }
}

TEST_P(TextReportTest, IsTheSameEveryTime) {
  SampleFindings again(GetParam());
  for (const Sample& sample : samples_.all()) {
    EXPECT_EQ(Report(sample.finding, samples_.names()),
              Report(again.Get(sample.name), again.names()));
  }
}

TEST_P(TextReportTest, PrefetchesItsAddresses) {
  Report(samples_.Get("resilient-cycle"), samples_.names());
  EXPECT_GT(samples_.names().prefetched(), 10u);
}

TEST_P(TextReportTest, RingsOfAnyLengthFit) {
  for (const size_t size : {size_t{2}, size_t{3}, size_t{4}, size_t{5}, size_t{26}, size_t{40}}) {
    const Finding ring = samples_.Ring(size);
    const std::string report = Report(ring, samples_.names());
    for (const std::string& line : Lines(report)) EXPECT_LE(line.size(), kColumns) << line;
    EXPECT_NE(report.find("Step " + std::to_string(size) + ":"), std::string::npos);
  }
}

TEST(ResilientCycleReportTest, SaysWhoFailsWhoStallsAndWhatToGiveBack) {
  SampleFindings samples(Naming::kShort);
  const std::string report =
      WithoutLineBreaks(Report(samples.Get("resilient-cycle"), samples.names()));
  const auto expect = [&](const std::string& text) {
    EXPECT_NE(report.find(text), std::string::npos) << text << "\n" << report;
  };
  expect("thread 2's res_spin_lock(table) at src/worker.cc:71 fails: with \"deadlock\" (EDEADLK)");
  expect("at worst with \"timed out\" (ETIMEDOUT) after its time limit (250 ms by default)");
  expect("Until then these stall, at worst for that whole limit, and on until");
  expect("- thread 1 (main) in lock(cache) at src/worker.cc:81");
  expect("When res_spin_lock(table) fails, thread 2 must give back cache");
}

TEST(ResilientCycleReportTest, TimedAcquisitionTimesOut) {
  SampleFindings samples(Naming::kShort);
  const std::string report =
      WithoutLineBreaks(Report(samples.Get("resilient-cycle.several-bounded"), samples.names()));
  EXPECT_NE(report.find("try_lock_for(log#2/1) at src/worker.cc:82 fails: with \"timed out\" "
                        "(ETIMEDOUT) after its own time limit."),
            std::string::npos)
      << report;
  EXPECT_NE(report.find("The first of these acquisitions"), std::string::npos);
}

TEST(StackTest, StackOfTheFirstTimeIsMarked) {
  SampleFindings samples(Naming::kShort);
  const std::string report = Report(samples.Get("resilient-cycle"), samples.names());
  const size_t exact = report.find("#0 Lookup() at src/worker.cc:70");
  const size_t mark =
      report.find("(farther out, as it was when this thread first took these locks");
  const size_t stored = report.find("#3 main at src/main.cc:3");
  EXPECT_LT(exact, mark);
  EXPECT_LT(mark, stored);
  EXPECT_NE(stored, std::string::npos);
}

TEST(StackTest, TheStartOfAThreadIsLeftOut) {
  SampleFindings samples(Naming::kShort);
  FakeNames& names = samples.names();
  Finding finding = samples.Get("recursive-locking");
  finding.lock.stack_is_exact = true;
  finding.lock.stack = names.AddStack(
      {names.AddAddress("Innermost()", "a.cc", 1), names.AddAddress("Outer()", "b.cc", 2),
       names.AddAddress("std::__invoke<F>(F&&)", "/usr/include/c++/12/bits/invoke.h", 96),
       names.AddAddress("start_thread", "nptl/pthread_create.c", 442)});
  const std::string report = Report(finding, names);
  EXPECT_NE(report.find("#1 Outer() at b.cc:2"), std::string::npos) << report;
  EXPECT_EQ(report.find("invoke"), std::string::npos);
  EXPECT_EQ(report.find("start_thread"), std::string::npos);
}

TEST(StackTest, PlaceInRunningTextIsNotInALibraryHeader) {
  SampleFindings samples(Naming::kLong);
  const std::string report =
      WithoutLineBreaks(Report(samples.Get("resilient-cycle"), samples.names()));
  EXPECT_NE(report.find("#0 std::scoped_lock"), std::string::npos);
  EXPECT_NE(report.find("res_spin_lock() at ..."), std::string::npos);
  EXPECT_EQ(report.find("() at /usr/include/c++"), std::string::npos);
}

TEST(SummaryTest, CountsByIdInTheOrderOfTheSemantics) {
  FindingCounts counts;
  TextWriter out;
  WriteSummary(counts, out);
  EXPECT_EQ(out.text(), "rqlockdep: no findings\n");
  out.Clear();
  counts.Add(FindingId::kResilientCycle);
  WriteSummary(counts, out);
  EXPECT_EQ(out.text(), "rqlockdep: 1 finding: 1 resilient-cycle\n");
  out.Clear();
  counts.Add(FindingId::kCircularDependency);
  counts.Add(FindingId::kResilientCycle);
  WriteSummary(counts, out);
  EXPECT_EQ(out.text(), "rqlockdep: 3 findings: 1 circular-dependency, 2 resilient-cycle\n");
  EXPECT_EQ(counts.total(), 3u);
}

class GoldenTest : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Verdicts, GoldenTest,
                         testing::Values("circular-dependency", "circular-dependency.readers",
                                         "resilient-cycle", "resilient-cycle.several-bounded",
                                         "resilient-cycle.ring-of-seven", "recursive-locking",
                                         "recursive-locking.same-class", "nest-lock-not-held",
                                         "inconsistent-context", "context-inversion",
                                         "invalid-wait-context", "unbalanced-release.failed",
                                         "held-lock-destroyed.foreign", "held-at-exit",
                                         "not-unwound", "deadlock", "resilient-deadlock"),
                         [](const testing::TestParamInfo<const char*>& sample) {
                           std::string name = sample.param;
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

TEST_P(GoldenTest, ReportIsAsInTheFile) {
  SampleFindings samples(Naming::kShort);
  const std::string report = Report(samples.Get(GetParam()), samples.names());
  const std::string file = std::string(GetParam()) + ".txt";
  if (const char* const folder = std::getenv("RQLOCKDEP_UPDATE_GOLDEN")) {
    std::ofstream(std::string(folder) + "/" + file) << report;
    GTEST_SKIP() << "written";
  }
  std::ifstream stream("tests/unit/golden/" + file);
  std::stringstream expected;
  expected << stream.rdbuf();
  EXPECT_EQ(report, expected.str());
}

}  // namespace
}  // namespace rqlockdep
