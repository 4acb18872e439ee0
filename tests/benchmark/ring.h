// A ring of threads, each of which holds one lock and waits for the next thread's.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_RING_H_
#define RQLOCKDEP_TESTS_BENCHMARK_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "tests/benchmark/ring_locks.h"

namespace rqlockdep::benchmark {

struct RingResult {
  // From the closing attempt until the victim, whoever it is, has its error. NaN without a victim.
  double nanoseconds;
  int victims;
  int failures;  // acquisitions that ended otherwise: neither with the lock nor as a victim, or
                 // before the ring was closed
};

class Ring {
 public:
  // The thread that calls this and Close() is one of the `size` (at least 2).
  explicit Ring(size_t size);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Everybody takes its lock, all but the caller wait for the next one, and then, when all of them
  // really wait, the caller closes the ring. Returns when all have given back what they held.
  RingResult Close(RingLocks& locks);

 private:
  struct Member;
  void Work(Member& self, size_t index);
  void Await(const std::atomic<size_t>& counter) const;

  std::vector<std::unique_ptr<Member>> members_;  // all but the caller, which is the last
  std::vector<std::thread> threads_;
  // The data below are written between repetitions and published by the counters: stores with
  // release order, loads with acquire order (the default).
  RingLocks* locks_ = nullptr;  // null: end
  std::atomic<uint32_t> repetition_{0};
  std::atomic<uint32_t> all_hold_{0};  // the repetition in which they do
  std::atomic<size_t> ready_{0};
  std::atomic<size_t> holding_{0};
  std::atomic<size_t> done_{0};
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_RING_H_
