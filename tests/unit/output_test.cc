#include "validator/runtime/output.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace rqlockdep {
namespace {

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

TEST_F(OutputTest, WaitsForASlowReaderOfANonBlockingPipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const int saved = dup(2);
  dup2(ends[1], 2);
  const std::string text(300000, 'x');
  std::string got;
  std::thread reader([&] {
    char buffer[5000];
    while (got.size() < text.size()) {
      const ssize_t size = read(ends[0], buffer, sizeof(buffer));
      if (size > 0) got.append(buffer, static_cast<size_t>(size));
      if (size < 0) usleep(1000);
    }
  });
  WriteReport(text);
  reader.join();
  dup2(saved, 2);
  for (int fd : {saved, ends[0], ends[1]}) close(fd);
  EXPECT_EQ(got, text);
}

}  // namespace
}  // namespace rqlockdep
