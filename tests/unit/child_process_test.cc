#include "validator/runtime/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace rqlockdep {
namespace {

struct Answer {
  ChildOutcome outcome;
  std::string text;
};

Answer RunShell(const char* script, int seconds = 20, size_t capacity = 4096) {
  const char* const programs[] = {"/nonexistent/sh", "/bin/sh", nullptr};
  const char* const argv[] = {"sh", "-c", script, nullptr};
  std::string buffer(capacity, '\0');
  size_t size = 0;
  const ChildOutcome outcome = RunChild(programs, argv, seconds, buffer.data(), capacity, &size);
  return {outcome, buffer.substr(0, size)};
}

TEST(ChildProcessTest, ReadsWhatItWrites) {
  const Answer answer = RunShell("echo one; echo two");
  EXPECT_EQ(answer.outcome, ChildOutcome::kOk);
  EXPECT_EQ(answer.text, "one\ntwo\n");
}

TEST(ChildProcessTest, DropsWhatDoesNotFit) {
  const Answer answer = RunShell(
      "i=0; while [ $i -lt 3000 ]; do echo 123456789012345678901234567890;"
      "i=$((i+1)); done",
      20, 10);
  EXPECT_EQ(answer.outcome, ChildOutcome::kOk);
  EXPECT_EQ(answer.text, "1234567890");
}

TEST(ChildProcessTest, Failures) {
  EXPECT_EQ(RunShell("exit 3").outcome, ChildOutcome::kFailed);
  EXPECT_EQ(RunShell("kill -9 $$").outcome, ChildOutcome::kFailed);
  const char* const programs[] = {"/nonexistent/sh", nullptr};
  const char* const argv[] = {"sh", nullptr};
  char buffer[10];
  size_t size = 0;
  EXPECT_EQ(RunChild(programs, argv, 1, buffer, sizeof(buffer), &size), ChildOutcome::kFailed);
}

TEST(ChildProcessTest, KilledWhenOutOfTime) {
  // A second, or more on a machine where it does not begin so soon.
  for (int seconds = 1;; seconds *= 2) {
    const auto start = std::chrono::steady_clock::now();
    const Answer answer = RunShell("echo begun; exec sleep 1000", seconds);
    ASSERT_EQ(answer.outcome, ChildOutcome::kTimedOut);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(500));
    if (answer.text == "begun\n") break;
    ASSERT_EQ(answer.text, "");
    ASSERT_LT(seconds, 100);
  }
}

std::atomic<int> child_signals{0};

TEST(ChildProcessTest, TheProgramDoesNotNotice) {
  struct sigaction action = {};
  action.sa_handler = [](int) { child_signals.fetch_add(1); };
  struct sigaction old_action;
  sigaction(SIGCHLD, &action, &old_action);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  errno = ERANGE;
  EXPECT_EQ(RunShell("exit 0").outcome, ChildOutcome::kOk);
  EXPECT_EQ(errno, ERANGE);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(child_signals, 0);
  sigset_t mask_after;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(sigismember(&mask, signal), sigismember(&mask_after, signal)) << signal;
  }
  sigaction(SIGCHLD, &old_action, nullptr);
}

TEST(ChildProcessTest, NoDescriptorGetsLostOrLeaksIntoTheChild) {
  const int lowest = open("/dev/null", O_RDONLY);  // without close-on-exec
  const Answer answer = RunShell("ls /proc/self/fd | wc -l");
  EXPECT_EQ(std::stoi(answer.text), 4) << answer.text;  // 0, 1, 2 and that of ls
  EXPECT_NE(fcntl(lowest, F_GETFD), -1);
  const int next = open("/dev/null", O_RDONLY);
  EXPECT_EQ(next, lowest + 1);
  close(next);
  close(lowest);
}

TEST(ChildProcessTest, WithStandardDescriptorsClosed) {
  int saved[3];
  for (int fd = 0; fd < 3; ++fd) saved[fd] = fcntl(fd, F_DUPFD, 10);
  for (int fd = 0; fd < 3; ++fd) close(fd);
  const Answer answer = RunShell("echo yes");
  for (int fd = 0; fd < 3; ++fd) {
    EXPECT_EQ(fcntl(fd, F_GETFD), -1) << fd;
    dup2(saved[fd], fd);
    close(saved[fd]);
  }
  EXPECT_EQ(answer.text, "yes\n");
}

TEST(ChildProcessTest, ManyThreads) {
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([] {
      for (int i = 0; i < 5; ++i) EXPECT_EQ(RunShell("echo yes").text, "yes\n");
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace rqlockdep
