#include "validator/report/json_report.h"

#include <gtest/gtest.h>

#include <string>

#include "nlohmann/json.hpp"
#include "tests/support/sample_findings.h"

namespace rqlockdep {
namespace {

using Json = nlohmann::ordered_json;

class JsonReportTest : public testing::Test {
 protected:
  Json Report(const std::string& name) { return JsonReport(samples_.Get(name), samples_.names()); }

  SampleFindings samples_{SampleFindings::Naming::kShort};
};

TEST_F(JsonReportTest, EveryFindingHasTheStableKeysFirst) {
  for (const Sample& sample : samples_.all()) {
    SCOPED_TRACE(sample.name);
    const Json json = JsonReport(sample.finding, samples_.names());
    EXPECT_EQ(json.at("id"), ToString(sample.finding.id));
    EXPECT_EQ(json.at("severity"), ToString(sample.finding.severity));
    EXPECT_EQ(json.at("confidence"), ToString(sample.finding.confidence));
    EXPECT_FALSE(json.at("classes").empty());
    EXPECT_FALSE(json.at("message").get<std::string>().empty());
    EXPECT_TRUE(json.at("held").is_array());
    EXPECT_EQ(json.begin().key(), "id");
    const std::string line = JsonLine(json);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(Json::parse(line), json);
  }
}

TEST_F(JsonReportTest, CycleHasItsClassesInOrderAndItsEdges) {
  const Json json = Report("resilient-cycle.several-bounded");
  EXPECT_EQ(json.at("classes"), Json({"cache", "table", "log#2/1"}));
  EXPECT_EQ(json.at("confidence"), "few-threads");
  EXPECT_EQ(json.at("linked"), false);
  ASSERT_EQ(json.at("edges").size(), 3u);
  EXPECT_EQ(json["edges"][0]["strength"], "resilient");
  EXPECT_EQ(json["edges"][1]["strength"], "timed");
  EXPECT_EQ(json["edges"][2]["strength"], "blocking");
  EXPECT_EQ(json["edges"][1]["thread"], "thread 1 (main)");
  const Json& held = json["edges"][0]["held"];
  EXPECT_EQ(held["class"], "cache");
  EXPECT_EQ(held["kind"], "qspinlock");
  EXPECT_EQ(held["mode"], "exclusive");
  EXPECT_EQ(held["stack_is_exact"], false);
  EXPECT_EQ(held["site"][0],
            Json({{"function", "Lookup()"}, {"file", "src/worker.cc"}, {"line", 70}}));
  EXPECT_EQ(held["stack"].size(), 4u);
}

TEST_F(JsonReportTest, InterruptionsNameTheContext) {
  const Json json = Report("context-inversion");
  EXPECT_FALSE(json["edges"][0].contains("context"));
  EXPECT_EQ(json["edges"][1]["context"], "soft");
}

TEST_F(JsonReportTest, DetailsAndReasons) {
  EXPECT_EQ(Report("unbalanced-release.failed").at("detail"), "acquisition-failed");
  EXPECT_EQ(Report("unbalanced-release.failed").at("fail_reason"), "deadlock");
  EXPECT_EQ(Report("unbalanced-release.held-by-other").at("other_thread"), "thread 1 (main)");
  EXPECT_EQ(Report("not-unwound").at("fail_reason"), "timeout");
  EXPECT_EQ(Report("invalid-wait-context").at("rank_needed"), "sleep");
  EXPECT_EQ(Report("invalid-wait-context").at("rank_current"), "spin");
  EXPECT_FALSE(Report("deadlock").contains("detail"));
}

TEST_F(JsonReportTest, DeadlockHasEveryThread) {
  const Json json = Report("resilient-deadlock");
  ASSERT_EQ(json.at("threads").size(), 2u);
  EXPECT_EQ(json["threads"][0]["gives_way"], true);
  EXPECT_EQ(json["threads"][0]["waits_for"]["class"], "table");
  EXPECT_EQ(json["threads"][1]["held"][0]["class"], "table");
}

TEST(JsonLineTest, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(JsonLine(Json{{"file", "a\xff"}}), "{\"file\":\"a\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace rqlockdep
