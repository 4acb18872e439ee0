// Whether a thread is really waiting for a lock, seen from another thread, whatever the lock does.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_WAITING_THREAD_H_
#define RQLOCKDEP_TESTS_BENCHMARK_WAITING_THREAD_H_

#include <atomic>
#include <cstdint>
#include <ctime>

namespace rqlockdep::benchmark {

class WaitingThread {
 public:
  // On the thread itself, once, before the others.
  WaitingThread();
  ~WaitingThread();
  WaitingThread(const WaitingThread&) = delete;
  WaitingThread& operator=(const WaitingThread&) = delete;

  // On the thread itself: its next step is to acquire the lock.
  void AboutToAcquire();
  // On the thread itself: it does not wait any more.
  void NoLongerWaiting();

  // On any thread. Since AboutToAcquire() it was found asleep, or it has been on a processor for
  // far longer than a way into the lock takes.
  bool IsWaiting() const;

 private:
  int64_t ProcessorNanoseconds() const;

  clockid_t clock_;
  int state_file_;  // /proc/self/task/.../stat
  int64_t before_ = 0;
  // Written with release order after before_, read with acquire order.
  std::atomic<bool> acquiring_{false};
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_WAITING_THREAD_H_
