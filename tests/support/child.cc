#include "tests/support/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/thread_states.h"

namespace rqlockdep {
namespace {

void LookAgainSoon() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

// The state letters of all threads of a process.
std::string StatesOfAll(pid_t pid) {
  std::string states;
  DIR* const folder = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (folder == nullptr) return states;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    const char state = StateOf(pid, std::atoi(entry->d_name));
    if (state != '\0') states += state;
  }
  closedir(folder);
  return states;
}

}  // namespace

Child::Child(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  static int count = 0;
  path_ = testing::TempDir() + "/child" + std::to_string(getpid()) + "." + std::to_string(++count);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    for (const std::string& variable : environment) {
      const size_t equals = variable.find('=');
      if (equals == std::string::npos) {
        unsetenv(variable.c_str());
      } else {
        setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
      }
    }
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(101);
  }
}

Child::~Child() {
  if (!ended_) {
    Signal(SIGKILL);
    Wait();
  }
  unlink(path_.c_str());
}

std::string Child::Output() const {
  std::ifstream file(path_);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Child::HasEnded() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return ended_;
}

bool Child::WaitForOutput(const std::string& text, int times) {
  for (;;) {
    const bool ended = HasEnded();
    if (Count(Output(), text) >= times) return true;
    if (ended) return false;
    LookAgainSoon();
  }
}

bool Child::WaitUntilAllSleep(int threads) {
  // Seen so often in a row, because a thread also sleeps for a moment here and there.
  constexpr int kLooks = 20;
  for (int looks = 0; looks < kLooks;) {
    if (HasEnded()) return false;
    const std::string states = StatesOfAll(pid_);
    const bool all = static_cast<int>(states.size()) >= threads &&
                     states.find_first_not_of('S') == std::string::npos;
    looks = all ? looks + 1 : 0;
    LookAgainSoon();
  }
  return true;
}

void Child::Signal(int signal) const { kill(pid_, signal); }

int Child::Wait() {
  if (!ended_) waitpid(pid_, &status_, 0);
  ended_ = true;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace rqlockdep
