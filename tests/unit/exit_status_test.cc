#include "validator/runtime/exit_status.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace rqlockdep {
namespace {

struct Result {
  int status = -1;
  std::string output;
  std::string errors;
  pid_t pid = 0;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string TemporaryPath(const std::string& name) { return testing::TempDir() + "/" + name; }

// Runs the helper with its arguments in one string.
Result RunHelper(const std::string& arguments, const std::string& log_path = "") {
  // Bazel starts a test in the folder of its runfiles.
  const char* helper = getenv("EXIT_STATUS_HELPER");
  std::vector<std::string> words = {helper != nullptr ? helper : "tests/unit/exit_status_helper"};
  std::istringstream stream(arguments);
  for (std::string word; stream >> word;) words.push_back(word);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string output = TemporaryPath("output");
  const std::string errors = TemporaryPath("errors");
  Result result;
  result.pid = fork();
  if (result.pid == 0) {
    if (!log_path.empty()) setenv("HELPER_LOG_PATH", log_path.c_str(), 1);
    dup2(open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    execv(argv[0], argv.data());
    _exit(101);
  }
  int status = 0;
  waitpid(result.pid, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.output = ReadFile(output);
  result.errors = ReadFile(errors);
  return result;
}

TEST(ExitStatusTest, NoFindingsNoTrace) {
  const Result result = RunHelper("error 66 0 0 return");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.errors, "");
  EXPECT_EQ(result.output, "bufferedatexit ran\nstatic destroyed\n");
}

TEST(ExitStatusTest, FindingsChangeTheStatusAfterEverythingElse) {
  const Result result = RunHelper("error 66 1 0 return");
  EXPECT_EQ(result.status, 66);
  EXPECT_EQ(result.errors, "rqlockdep: 1 finding (1 error)\n");
  // All handlers ran, once, and stdio was flushed.
  EXPECT_EQ(result.output, "bufferedatexit ran\nstatic destroyed\n");
}

TEST(ExitStatusTest, Table) {
  const struct {
    const char* arguments;
    int status;
    const char* errors;
  } kCases[] = {
      {"error 66 2 1 exit", 66, "rqlockdep: 3 findings (2 errors, 1 warning)\n"},
      {"error 7 1 0 return", 7, "rqlockdep: 1 finding (1 error)\n"},
      {"error 66 0 2 return", 0, "rqlockdep: 2 findings (2 warnings)\n"},
      {"warning 66 0 1 return", 66, "rqlockdep: 1 finding (1 warning)\n"},
      {"warning 66 1 0 return", 66, "rqlockdep: 1 finding (1 error)\n"},
      {"never 66 1 1 return", 0, "rqlockdep: 2 findings (1 error, 1 warning)\n"},
      {"error 66 1 0 return 5", 5, "rqlockdep: 1 finding (1 error)\n"},
      {"error 66 1 0 exit 1", 1, "rqlockdep: 1 finding (1 error)\n"},
      {"error 0 1 0 return", 0, "rqlockdep: 1 finding (1 error)\n"},
      {"error 66 0 0 late", 66, "rqlockdep: 1 finding (1 error)\n"},
      {"error 66 1 0 thread", 66, "rqlockdep: 1 finding (1 error)\n"},
      {"error 66 1 0 _exit", 0, ""},  // a limit, see the header
  };
  for (const auto& test : kCases) {
    const Result result = RunHelper(test.arguments);
    EXPECT_EQ(result.status, test.status) << test.arguments;
    EXPECT_EQ(result.errors, test.errors) << test.arguments;
  }
}

TEST(ExitStatusTest, TheSummaryGoesToTheLog) {
  const std::string log = TemporaryPath("log");
  const Result result = RunHelper("error 66 1 0 return", log);
  EXPECT_EQ(result.status, 66);
  EXPECT_EQ(result.errors, "");
  EXPECT_EQ(ReadFile(log + "." + std::to_string(result.pid)), "rqlockdep: 1 finding (1 error)\n");
}

}  // namespace
}  // namespace rqlockdep
