// A thread that does nothing, so that a process has two.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_SECOND_THREAD_H_
#define RQLOCKDEP_TESTS_BENCHMARK_SECOND_THREAD_H_

#include <atomic>
#include <thread>

namespace rqlockdep::benchmark {

// glibc leaves out the locked operation while a process has one thread. A program that needs locks
// has more.
class SecondThread {
 public:
  SecondThread() : thread_([this] { end_.wait(false); }) {}
  ~SecondThread() {
    end_ = true;
    end_.notify_one();
    thread_.join();
  }
  SecondThread(const SecondThread&) = delete;
  SecondThread& operator=(const SecondThread&) = delete;

 private:
  std::atomic<bool> end_{false};
  std::thread thread_;
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_SECOND_THREAD_H_
