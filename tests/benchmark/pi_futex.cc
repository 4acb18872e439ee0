#include "tests/benchmark/pi_futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace rqlockdep::benchmark {
namespace {

uint32_t ThreadId() {
  static thread_local const auto id = static_cast<uint32_t>(syscall(SYS_gettid));
  return id;
}

int64_t Futex(std::atomic<uint32_t>& word, int operation) {
  return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, 0, nullptr, nullptr, 0);
}

}  // namespace

PiFutex::Result PiFutex::Lock() {
  uint32_t seen = 0;
  // Acquire: pairs with the release in Unlock().
  if (word_.compare_exchange_strong(seen, ThreadId(), std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
    return Result::kTaken;
  }
  for (;;) {
    // The kernel orders fully, and the compiler moves nothing across a system call.
    if (Futex(word_, FUTEX_LOCK_PI) == 0) return Result::kTaken;
    if (errno == EDEADLK) return Result::kDeadlock;
    // EAGAIN: the owner is about to exit. EINTR: a signal.
    if (errno != EAGAIN && errno != EINTR) return Result::kFailed;
  }
}

bool PiFutex::Unlock() {
  uint32_t seen = ThreadId();
  // Release: pairs with the acquire in Lock().
  if (word_.compare_exchange_strong(seen, 0, std::memory_order_release,
                                    std::memory_order_relaxed)) {
    return true;
  }
  return Futex(word_, FUTEX_UNLOCK_PI) == 0;
}

}  // namespace rqlockdep::benchmark
