#include "validator/runtime/output.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace rqlockdep {
namespace {

using std::chrono::steady_clock;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class OutputTest : public testing::Test {
 protected:
  ~OutputTest() override { SetLogPath(nullptr); }
  std::string LogOf(pid_t pid) { return path_ + "." + std::to_string(pid); }

  const std::string path_ = testing::TempDir() + "/output_test_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(OutputTest, StandardErrorByDefault) {
  for (const char* path : {static_cast<const char*>(nullptr), "", "stderr"}) {
    SetLogPath(path);
    testing::internal::CaptureStderr();
    errno = ERANGE;
    WriteReport("a report\n");
    EXPECT_EQ(errno, ERANGE);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "a report\n");
  }
}

TEST_F(OutputTest, StandardOutput) {
  SetLogPath("stdout");
  testing::internal::CaptureStdout();
  WriteReport("a report\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "a report\n");
}

TEST_F(OutputTest, AppendsToOneFileForEachProcess) {
  SetLogPath(path_.c_str());
  EXPECT_NE(access(LogOf(getpid()).c_str(), F_OK), 0);  // nothing to say, no file
  WriteReport("one\n");
  WriteReport("two\n");
  const pid_t child = fork();
  if (child == 0) {
    WriteReport("child\n");
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ(ReadFile(LogOf(getpid())), "one\ntwo\n");
  EXPECT_EQ(ReadFile(LogOf(child)), "child\n");
}

TEST_F(OutputTest, ThreadsDoNotMix) {
  SetLogPath(path_.c_str());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      const std::string text(10000, static_cast<char>('a' + i));
      for (int n = 0; n < 20; ++n) WriteReport(text + "\n");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ifstream file(LogOf(getpid()));
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    EXPECT_EQ(line, std::string(10000, line[0]));
  }
  EXPECT_EQ(lines, 80);
}

TEST_F(OutputTest, NoFileMeansStandardErrorAndOneWarning) {
  SetLogPath("/nonexistent/folder/log");
  testing::internal::CaptureStderr();
  WriteReport("one\n");
  WriteReport("two\n");
  EXPECT_EQ(
      testing::internal::GetCapturedStderr(),
      "rqlockdep: warning: cannot open the log file '/nonexistent/folder/log.PID'; reports go "
      "to standard error\none\ntwo\n");
}

// Writes `text` to a pipe that does not block, whose reader takes `bite` bytes at a time. What came
// out at the other end. The reader notes in `longest_rest` for how long it did not read.
std::string ThroughANonBlockingPipe(const std::string& text, size_t bite,
                                    steady_clock::duration* longest_rest) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) return "no pipe";
  const int saved = dup(2);
  dup2(ends[1], 2);
  close(ends[1]);
  std::string got;
  *longest_rest = {};
  std::thread reader([&] {
    std::string buffer(bite, '\0');
    auto before = steady_clock::now();
    for (ssize_t size = -1; size != 0;) {
      const auto now = steady_clock::now();
      *longest_rest = std::max(*longest_rest, now - before);
      before = now;
      size = read(ends[0], buffer.data(), bite);
      if (size > 0) got.append(buffer, 0, static_cast<size_t>(size));
      if (size < 0) usleep(1000);
    }
  });
  WriteReport(text);
  dup2(saved, 2);  // now the other end has no writer any more
  reader.join();
  close(saved);
  close(ends[0]);
  return got;
}

// The same, for a reader who is slow but does not stop. One who did, because its thread was off the
// processor, tells nothing.
void ExpectToGetThrough(size_t size, size_t bite) {
  const std::string text(size, 'x');
  std::string got;
  steady_clock::duration longest_rest;
  do got = ThroughANonBlockingPipe(text, bite, &longest_rest);
  while (got != text && longest_rest > std::chrono::milliseconds(500));
  EXPECT_EQ(got.size(), text.size());
  EXPECT_TRUE(got == text);
}

TEST_F(OutputTest, WaitsForASlowReaderOfANonBlockingPipe) { ExpectToGetThrough(300'000, 5000); }

// It waited a hundred times at most, however much it could write in between.
TEST_F(OutputTest, Bug_AReaderWhoReadsOnWasGivenUp) { ExpectToGetThrough(3'000'000, 4096); }

}  // namespace
}  // namespace rqlockdep
