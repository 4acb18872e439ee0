#include "validator/runtime/output.h"

#include <atomic>
#include <charconv>
#include <cstring>

#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

constexpr size_t kMaxPath = 4096 + 16;  // an option's path, a dot and a process id

// Relaxed everywhere: set once, before there are other threads.
constinit std::atomic<const char*> log_path{nullptr};
constinit std::atomic<bool> open_failed{false};

int OpenLog(const char* path) {
  char name[kMaxPath];
  const size_t size = strlen(path);
  if (size + 16 > sizeof(name)) return -ENAMETOOLONG;
  memcpy(name, path, size);
  name[size] = '.';
  // Asked each time: after fork() it is another.
  const long pid = RawSystemCall(SYS_getpid);
  *std::to_chars(name + size + 1, name + sizeof(name) - 1, pid).ptr = '\0';
  constexpr int kMode = 0644;
  return RawOpen(name, O_WRONLY | O_CREAT | O_APPEND, kMode);
}

void SayOpenFailed(const char* path) {
  if (open_failed.exchange(true, std::memory_order_relaxed)) return;
  constexpr std::string_view kBegin = "rqlockdep: warning: cannot open the log file '";
  constexpr std::string_view kEnd = ".PID'; reports go to standard error\n";
  RawWriteAll(STDERR_FILENO, kBegin.data(), kBegin.size());
  RawWriteAll(STDERR_FILENO, path, strlen(path));
  RawWriteAll(STDERR_FILENO, kEnd.data(), kEnd.size());
}

}  // namespace

void SetLogPath(const char* path) {
  const bool is_file = path != nullptr && path[0] != '\0' && strcmp(path, "stderr") != 0;
  log_path.store(is_file ? path : nullptr, std::memory_order_relaxed);
}

void WriteReport(std::string_view text) {
  const char* path = log_path.load(std::memory_order_relaxed);
  if (path == nullptr) {
    RawWriteAll(STDERR_FILENO, text.data(), text.size());
    return;
  }
  if (strcmp(path, "stdout") == 0) {
    RawWriteAll(STDOUT_FILENO, text.data(), text.size());
    return;
  }
  const int fd = OpenLog(path);
  if (fd < 0) {
    SayOpenFailed(path);
    RawWriteAll(STDERR_FILENO, text.data(), text.size());
    return;
  }
  RawWriteAll(fd, text.data(), text.size());
  RawClose(fd);
}

}  // namespace rqlockdep
