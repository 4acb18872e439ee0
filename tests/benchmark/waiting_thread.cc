#include "tests/benchmark/waiting_thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace rqlockdep::benchmark {
namespace {

// An uncontended acquisition takes some nanoseconds; one that publishes its wait, some hundreds.
constexpr int64_t kFarLonger = 200'000;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::abort();
}

}  // namespace

WaitingThread::WaitingThread() {
  if (pthread_getcpuclockid(pthread_self(), &clock_) != 0) Fail("pthread_getcpuclockid");
  const std::string name = "/proc/self/task/" + std::to_string(syscall(SYS_gettid)) + "/stat";
  state_file_ = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (state_file_ < 0) Fail(name.c_str());
}

WaitingThread::~WaitingThread() { close(state_file_); }

void WaitingThread::AboutToAcquire() {
  before_ = ProcessorNanoseconds();
  acquiring_.store(true, std::memory_order_release);
}

void WaitingThread::NoLongerWaiting() { acquiring_.store(false, std::memory_order_release); }

bool WaitingThread::IsWaiting() const {
  if (!acquiring_.load(std::memory_order_acquire)) return false;
  if (ProcessorNanoseconds() - before_ > kFarLonger) return true;
  // "1234 (name) S ...". The name may contain anything.
  char text[256];
  const ssize_t length = pread(state_file_, text, sizeof(text), 0);
  if (length <= 0) Fail("pread /proc/self/task/.../stat");
  const std::string_view stat(text, static_cast<size_t>(length));
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string_view::npos && stat.substr(name_end + 2, 1) == "S";
}

int64_t WaitingThread::ProcessorNanoseconds() const {
  timespec time;
  if (clock_gettime(clock_, &time) != 0) Fail("clock_gettime of a thread");
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace rqlockdep::benchmark
