#include "validator/core/futex_mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace rqlockdep {

void FutexMutex::LockSlow() {
  constexpr int kSpins = 100;
  for (int i = 0; i < kSpins; ++i) {
    uint32_t expected = kFree;
    if (state_.load(std::memory_order_relaxed) == kFree &&
        state_.compare_exchange_weak(expected, kTaken, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  const int saved_errno = errno;
  // From here on the mutex is marked as contended, also when it is we who get it: we cannot know
  // whether others sleep. Acquire as in lock().
  while (state_.exchange(kContended, std::memory_order_acquire) != kFree) {
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, static_cast<uint32_t>(kContended), nullptr);
  }
  errno = saved_errno;
}

void FutexMutex::Wake() {
  const int saved_errno = errno;
  syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1);
  errno = saved_errno;
}

}  // namespace rqlockdep
