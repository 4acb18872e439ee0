#include "validator/runtime/finding_handler.h"

#include <gtest/gtest.h>

#include <string>

#include "rqlockdep/findings.h"
#include "validator/runtime/exit_status.h"

namespace rqlockdep {
namespace {

std::string* const heard = new std::string;

TEST(FindingHandlerTest, CallsTheHandlerThatIsSet) {
  Finding finding;
  finding.id = FindingId::kNotUnwound;
  finding.severity = Severity::kWarning;
  finding.number = 7;
  EXPECT_FALSE(CallFindingHandler(finding, "text\n"));
  const FindingHandler handler = [](const FindingReport& report) {
    *heard = std::string(report.id) + " " + std::string(report.severity) + " " +
             std::string(report.confidence) + " " + std::to_string(report.number) + " " +
             std::string(report.text);
  };
  EXPECT_EQ(SetFindingHandler(handler), nullptr);
  EXPECT_TRUE(CallFindingHandler(finding, "text\n"));
  EXPECT_EQ(*heard, "not-unwound warning witnessed 7 text\n");
  EXPECT_EQ(SetFindingHandler(nullptr), handler);
  EXPECT_FALSE(CallFindingHandler(finding, "text\n"));
}

TEST(FindingHandlerTest, Counts) {
  SetExitPolicy(FailOn::kNever, 0);
  EXPECT_EQ(FindingCount(), 0u);
  NoteFinding(Severity::kNote);
  NoteFinding(Severity::kError);
  EXPECT_EQ(FindingCount(), 2u);
}

}  // namespace
}  // namespace rqlockdep
