#include "validator/runtime/options.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <string>
#include <vector>

namespace rqlockdep {
namespace {

std::vector<std::string>* const warnings = new std::vector<std::string>;

Options Parse(const char* text) {
  warnings->clear();
  Options options;
  ParseOptions(text, &options, [](const char* message) { warnings->push_back(message); });
  return options;
}

bool Same(const Options& a, const Options& b) {
  return a.enabled == b.enabled && a.halt_on_error == b.halt_on_error && a.exitcode == b.exitcode &&
         a.fail_on == b.fail_on && std::string(a.log_path) == b.log_path &&
         a.min_severity == b.min_severity && a.min_confidence == b.min_confidence &&
         a.full_stacks == b.full_stacks && a.max_steps == b.max_steps &&
         a.symbolize == b.symbolize && a.halt_on_deadlock == b.halt_on_deadlock &&
         a.dump_signal == b.dump_signal;
}

TEST(OptionsTest, NothingIsTheDefaults) {
  for (const char* text : {static_cast<const char*>(nullptr), "", ":", " ::, \t\n"}) {
    EXPECT_TRUE(Same(Parse(text), Options()));
    EXPECT_TRUE(warnings->empty());
  }
}

TEST(OptionsTest, EveryOption) {
  const Options options = Parse(
      "enabled=0:halt_on_error=1:exitcode=3:fail_on=never:log_path=/tmp/x:min_severity=error:"
      "min_confidence=witnessed:stacks=full:max_steps=4294967295:symbolize=no:halt_on_deadlock=1:"
      "dump_signal=SIGUSR2");
  EXPECT_TRUE(warnings->empty());
  EXPECT_FALSE(options.enabled);
  EXPECT_TRUE(options.halt_on_error);
  EXPECT_EQ(options.exitcode, 3);
  EXPECT_EQ(options.fail_on, FailOn::kNever);
  EXPECT_STREQ(options.log_path, "/tmp/x");
  EXPECT_EQ(options.min_severity, Severity::kError);
  EXPECT_EQ(options.min_confidence, Confidence::kWitnessed);
  EXPECT_TRUE(options.full_stacks);
  EXPECT_EQ(options.max_steps, 4294967295u);
  EXPECT_FALSE(options.symbolize);
  EXPECT_TRUE(options.halt_on_deadlock);
  EXPECT_EQ(options.dump_signal, SIGUSR2);
}

TEST(OptionsTest, Signals) {
  const auto signal = [](const std::string& text) {
    return Parse(("dump_signal=7:dump_signal=" + text).c_str()).dump_signal;
  };
  for (const char* quit : {"SIGQUIT", "QUIT", "3"}) EXPECT_EQ(signal(quit), SIGQUIT);
  EXPECT_EQ(signal("SIGRTMIN"), SIGRTMIN);
  EXPECT_EQ(signal("RTMIN+2"), SIGRTMIN + 2);
  EXPECT_EQ(signal("SIGRTMAX-1"), SIGRTMAX - 1);
  EXPECT_EQ(signal("none"), 0);
  EXPECT_EQ(signal("0"), 0);
  EXPECT_TRUE(warnings->empty());
  for (const char* bad : {"SIG", "sigquit", "SIGNOTHING", "-3", "3x", "65", "33", "SIGKILL", "19",
                          "SIGRTMIN+99", "SIGRTMIN-1", "RTMAX+1", "RTMIN+"}) {
    warnings->clear();
    EXPECT_EQ(signal(bad), 7) << bad;
    EXPECT_EQ(warnings->size(), 1U) << bad;
  }
}

TEST(OptionsTest, Values) {
  for (const char* yes : {"1", "true", "yes"}) {
    EXPECT_TRUE(Parse(("halt_on_error=" + std::string(yes)).c_str()).halt_on_error);
  }
  for (const char* no : {"0", "false", "no"}) {
    EXPECT_FALSE(Parse(("enabled=" + std::string(no)).c_str()).enabled);
  }
  EXPECT_EQ(Parse("fail_on=warning").fail_on, FailOn::kWarning);
  EXPECT_EQ(Parse("min_severity=warning").min_severity, Severity::kWarning);
  EXPECT_EQ(Parse("min_confidence=single-thread").min_confidence, Confidence::kSingleThread);
  EXPECT_EQ(Parse("exitcode=0").exitcode, 0);
  EXPECT_EQ(Parse("exitcode=255").exitcode, 255);
}

TEST(OptionsTest, SeparatorsQuotesAndTheLastOneCounts) {
  EXPECT_EQ(Parse("exitcode=1:exitcode=2").exitcode, 2);
  const Options options =
      Parse("exitcode=5, max_steps=7 stacks=full\nlog_path='C:\\x, y':enabled=0");
  EXPECT_EQ(options.exitcode, 5);
  EXPECT_EQ(options.max_steps, 7u);
  EXPECT_TRUE(options.full_stacks);
  EXPECT_STREQ(options.log_path, "C:\\x, y");
  EXPECT_FALSE(options.enabled);
  EXPECT_STREQ(Parse("log_path=\"a b\"").log_path, "a b");
  EXPECT_STREQ(Parse("log_path=a=b").log_path, "a=b");
  EXPECT_TRUE(warnings->empty());
}

TEST(OptionsTest, WhatIsNotUnderstoodIsNamedAndIgnored) {
  const struct {
    const char* text;
    const char* warning;
  } kCases[] = {
      {"colour=red", "unknown option 'colour'; ignored"},
      {"Enabled=0", "unknown option 'Enabled'; ignored"},
      {"=3", "unknown option ''; ignored"},
      {"enabled", "'enabled' is not of the form name=value; ignored"},
      {"enabled=", "option 'enabled': '' is not one of 0, 1, false, true, no, yes; ignored"},
      {"enabled=2", "option 'enabled': '2' is not one of 0, 1, false, true, no, yes; ignored"},
      {"exitcode=256", "option 'exitcode': '256' is not a number from 0 to 255; ignored"},
      {"exitcode=-1", "option 'exitcode': '-1' is not a number from 0 to 255; ignored"},
      {"exitcode=6x", "option 'exitcode': '6x' is not a number from 0 to 255; ignored"},
      {"max_steps=0", "option 'max_steps': '0' is not a number from 1 to 4294967295; ignored"},
      {"max_steps=4294967296",
       "option 'max_steps': '4294967296' is not a number from 1 to 4294967295; ignored"},
      {"fail_on=note", "option 'fail_on': 'note' is not one of error, warning, never; ignored"},
      {"min_severity=bad",
       "option 'min_severity': 'bad' is not one of note, warning, error; ignored"},
      {"min_confidence=all",
       "option 'min_confidence': 'all' is not one of few-threads, single-thread, witnessed; "
       "ignored"},
      {"stacks=slow", "option 'stacks': 'slow' is not one of fast, full; ignored"},
      {"log_path=", "option 'log_path': '' is not a path; ignored"},
      {"log_path='/tmp/x", "option 'log_path': no closing quote; ignored"},
  };
  for (const auto& test : kCases) {
    EXPECT_TRUE(Same(Parse(test.text), Options())) << test.text;
    ASSERT_EQ(warnings->size(), 1u) << test.text;
    EXPECT_EQ(warnings->front(),
              std::string("rqlockdep: warning: RQLOCKDEP_OPTIONS: ") + test.warning);
  }
  EXPECT_EQ(Parse("nonsense=1:exitcode=9:more").exitcode, 9);
  EXPECT_EQ(warnings->size(), 2u);
}

TEST(OptionsTest, LongTexts) {
  const std::string fits(Options::kMaxPath - 1, 'p');
  EXPECT_EQ(Parse(("log_path=" + fits).c_str()).log_path, fits);
  EXPECT_TRUE(warnings->empty());
  EXPECT_STREQ(Parse(("log_path=" + fits + "p").c_str()).log_path, "");
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_NE(warnings->front().find("longer than 4095 bytes"), std::string::npos);
  Parse((std::string(100000, 'x') + "=1:" + "stacks=" + std::string(100000, 'y')).c_str());
  EXPECT_EQ(warnings->size(), 2u);
}

std::map<std::string, std::string>* const environment = new std::map<std::string, std::string>;

Options FromEnvironment() {
  Options options;
  OptionsFromEnvironment(
      [](const char* name) -> const char* {
        const auto found = environment->find(name);
        return found == environment->end() ? nullptr : found->second.c_str();
      },
      &options, [](const char*) {});
  return options;
}

TEST(OptionsTest, UnderBazelTestWarningsFail) {
  environment->clear();
  EXPECT_EQ(FromEnvironment().fail_on, FailOn::kError);
  EXPECT_FALSE(FromEnvironment().halt_on_deadlock);
  (*environment)["BAZEL_TEST"] = "0";
  EXPECT_EQ(FromEnvironment().fail_on, FailOn::kError);
  EXPECT_FALSE(FromEnvironment().halt_on_deadlock);
  (*environment)["BAZEL_TEST"] = "1";
  EXPECT_EQ(FromEnvironment().fail_on, FailOn::kWarning);
  EXPECT_TRUE(FromEnvironment().halt_on_deadlock);
  environment->clear();
  (*environment)["TEST_TMPDIR"] = "/tmp";
  EXPECT_EQ(FromEnvironment().fail_on, FailOn::kWarning);
  EXPECT_TRUE(FromEnvironment().halt_on_deadlock);
  (*environment)["RQLOCKDEP_OPTIONS"] = "fail_on=error:exitcode=4:halt_on_deadlock=no";
  EXPECT_EQ(FromEnvironment().fail_on, FailOn::kError);
  EXPECT_FALSE(FromEnvironment().halt_on_deadlock);
  EXPECT_EQ(FromEnvironment().exitcode, 4);
}

}  // namespace
}  // namespace rqlockdep
