#include "validator/cli/command_line.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace rqlockdep {
namespace {

constexpr std::string_view kHarmless =
    "lock-trace 1\n"
    "lock A mutex\n"
    "T1 acquire A\n"
    "T1 release A\n";

constexpr std::string_view kMixedAbba =
    "lock-trace 1\n"
    "lock A qspinlock\n"
    "lock B rqspinlock\n"
    "T1 acquire A\n"
    "T1 acquire B\n"
    "T1 release B\n"
    "T1 release A\n"
    "T2 acquire B\n"
    "T2 acquire A\n";

// A finding, then an error of the reader in line 5, column 4.
constexpr std::string_view kMalformed =
    "lock-trace 1\n"
    "lock A mutex\n"
    "T1 release A\n"
    "T1 acquire A\n"
    "T1 acquires A\n"
    "T1 release A\n";

// A finding, then an event of a thread that waits, which only the replay can tell.
constexpr std::string_view kWaiting =
    "lock-trace 1\n"
    "lock A mutex\n"
    "T1 release A\n"
    "T1 acquire A\n"
    "T2 acquire A\n"
    "T2 release A\n";

// A file in memory.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("test", MFD_CLOEXEC)) {}
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return descriptor_; }
  void Fill(std::string_view text) {
    WriteAll(descriptor_, text);
    lseek(descriptor_, 0, SEEK_SET);
  }
  std::string Contents() const {
    std::string contents;
    lseek(descriptor_, 0, SEEK_SET);
    ReadAll(descriptor_, &contents);
    return contents;
  }

 private:
  const int descriptor_;
};

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunTool(const std::vector<std::string>& arguments, std::string_view input = "") {
  MemoryFile in, out, err;
  in.Fill(input);
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  const int code = RunCommandLine(views, {in.descriptor(), out.descriptor(), err.descriptor()});
  return {code, out.Contents(), err.Contents()};
}

std::string WriteFile(const std::string& name, std::string_view text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::vector<nlohmann::json> ParseLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(CommandLineTest, BadUsage) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"record"},
                                             {"replay"},
                                             {"replay", "--format=json"},
                                             {"replay", "--format=xml", "-"},
                                             {"replay", "--format", "json", "-"},
                                             {"replay", "-x", "-"},
                                             {"--halp"}}) {
    const Outcome run = RunTool(arguments, kHarmless);
    EXPECT_EQ(run.code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_NE(run.err.find("rqlockdep: error: "), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("usage: rqlockdep replay"), std::string::npos) << run.err;
  }
}

TEST(CommandLineTest, HelpAndVersion) {
  const Outcome help = RunTool({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_NE(help.out.find("--format=text|json|dot"), std::string::npos);
  EXPECT_EQ(RunTool({"replay", "--help"}).out, help.out);
  const Outcome version = RunTool({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out.substr(0, 10), "rqlockdep ");
}

TEST(ReplayCommandTest, NoFinding) {
  const Outcome run = RunTool({"replay", "-"}, kHarmless);
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "<stdin>: no findings\n");
  EXPECT_EQ(run.err, "");
}

TEST(ReplayCommandTest, Findings) {
  const std::string file = WriteFile("mixed.trace", kMixedAbba);
  const Outcome run = RunTool({"replay", file});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err, "");
  EXPECT_NE(run.out.find("\nrqlockdep: warning: resilient-cycle: "), std::string::npos);
  EXPECT_TRUE(run.out.ends_with(file + ": 1 finding: 1 resilient-cycle\n"));
}

TEST(ReplayCommandTest, MalformedFileIsReplayedUpToTheError) {
  const std::string file = WriteFile("malformed.trace", kMalformed);
  const Outcome run = RunTool({"replay", file});
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.out.find("error: unbalanced-release: "), std::string::npos);
  EXPECT_EQ(run.err.substr(0, file.size() + 13), file + ":5:4: error: ");
}

TEST(ReplayCommandTest, EventOfAWaitingThread) {
  const Outcome run = RunTool({"replay", "-"}, kWaiting);
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.out.find("error: unbalanced-release: "), std::string::npos);
  EXPECT_EQ(run.err.substr(0, 20), "<stdin>:6:1: error: ");
}

TEST(ReplayCommandTest, AnErrorDoesNotStopTheOtherFiles) {
  const std::string missing = testing::TempDir() + "/missing.trace";
  const std::string folder = testing::TempDir();
  const std::string malformed = WriteFile("malformed.trace", kMalformed);
  const std::string mixed = WriteFile("mixed.trace", kMixedAbba);
  const std::string harmless = WriteFile("harmless.trace", kHarmless);
  const Outcome run = RunTool({"replay", missing, folder, malformed, mixed, harmless});
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find(missing + ":1:1: error: "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find(folder + ":1:1: error: "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find(malformed + ":5:4: error: "), std::string::npos) << run.err;
  EXPECT_NE(run.out.find(mixed + ": 1 finding: 1 resilient-cycle\n"), std::string::npos);
  EXPECT_NE(run.out.find(harmless + ": no findings\n"), std::string::npos);
}

TEST(ReplayCommandTest, FilesHaveValidatorsOfTheirOwn) {
  const std::string first = WriteFile("first.trace",
                                      "lock-trace 1\nlock A mutex\nlock B mutex\n"
                                      "T1 acquire A\nT1 acquire B\n");
  const std::string second = WriteFile("second.trace",
                                       "lock-trace 1\nlock A mutex\nlock B mutex\n"
                                       "T1 acquire B\nT1 acquire A\n");
  EXPECT_EQ(RunTool({"replay", first, second}).code, 0);
}

TEST(ReplayCommandTest, JsonIsOneObjectForEachFile) {
  const std::string missing = testing::TempDir() + "/missing.trace";
  const std::string malformed = WriteFile("malformed.trace", kMalformed);
  const std::string mixed = WriteFile("mixed.trace", kMixedAbba);
  const std::string harmless = WriteFile("harmless.trace", kHarmless);
  const Outcome run = RunTool({"replay", mixed, "--format=json", missing, malformed, harmless});
  EXPECT_EQ(run.code, 2);
  const std::vector<nlohmann::json> lines = ParseLines(run.out);
  ASSERT_EQ(lines.size(), 4u);

  EXPECT_EQ(lines[0].at("file"), mixed);
  ASSERT_EQ(lines[0].at("findings").size(), 1u);
  EXPECT_FALSE(lines[0].contains("error"));
  const nlohmann::json& finding = lines[0]["findings"][0];
  EXPECT_EQ(finding.at("id"), "resilient-cycle");
  EXPECT_EQ(finding.at("severity"), "warning");
  EXPECT_EQ(finding.at("confidence"), "witnessed");
  EXPECT_EQ(finding.at("classes"), nlohmann::json({"B", "A"}));

  EXPECT_EQ(lines[1].at("findings").size(), 0u);
  EXPECT_TRUE(lines[1].contains("error"));

  EXPECT_EQ(lines[2].at("findings").size(), 1u);
  EXPECT_EQ(lines[2].at("error").at("line"), 5);
  EXPECT_EQ(lines[2].at("error").at("column"), 4);
  EXPECT_FALSE(lines[2].at("error").at("message").get<std::string>().empty());

  EXPECT_EQ(lines[3].at("findings").size(), 0u);
  EXPECT_FALSE(lines[3].contains("error"));
}

TEST(ReplayCommandTest, DotDrawsTheGraph) {
  const Outcome run = RunTool({"replay", "--format=dot", "-"}, kMixedAbba);
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.out.substr(0, 9), "digraph G");
  EXPECT_NE(run.out.find("color=red"), std::string::npos);
}

TEST(ReplayCommandTest, DashesEndTheOptions) {
  const Outcome run = RunTool({"replay", "--", "--format=json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.err.substr(0, 26), "--format=json:1:1: error: ");
}

TEST(ReplayCommandTest, OutputThatCannotBeWrittenIsAnError) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  MemoryFile in, err;
  in.Fill(kMixedAbba);
  const std::vector<std::string_view> arguments = {"replay", "-"};
  EXPECT_EQ(RunCommandLine(arguments, {in.descriptor(), full, err.descriptor()}), 2);
  EXPECT_NE(err.Contents().find("cannot write standard output"), std::string::npos);
  close(full);
}

}  // namespace
}  // namespace rqlockdep
