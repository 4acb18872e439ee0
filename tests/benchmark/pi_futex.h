// A lock on the kernel's priority-inheritance futex, which finds deadlocks: the peer of resilient
// locks. Taken and released in user space unless contended.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_PI_FUTEX_H_
#define RQLOCKDEP_TESTS_BENCHMARK_PI_FUTEX_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep::benchmark {

class PiFutex {
 public:
  enum class Result { kTaken, kDeadlock, kFailed };

  // Waits as long as it takes.
  Result Lock();
  // By the thread that took it. False if the kernel refused.
  bool Unlock();

 private:
  std::atomic<uint32_t> word_{0};  // the owner's thread id, and FUTEX_WAITERS
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_PI_FUTEX_H_
