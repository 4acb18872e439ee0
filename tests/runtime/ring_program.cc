// A program with a ring of threads that wait for one another: see lock_ring.h.
//
//   ring_program KINDS          one thread and one lock for each letter; says how many failed
//   ring_program absl_condvar   a thread waits for a condition inside a lock that another wants
//                               while it has the condition's lock
//   ring_program pthread_cond   the same
//   ring_program readers        five threads read-hold one lock, five another, and each asks for
//                               the other lock exclusively
#include <pthread.h>

#include <cstdio>
#include <cstring>
#include <latch>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "rqlockdep/validated_pthread.h"
#include "tests/runtime/lock_ring.h"

#if defined(__clang__)
// Clang would warn of locks that are never given back.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

// Thread sanitizer has a deadlock detector too, and would end the program with its own report.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

namespace {

template <typename Mutex, typename Condition>
void WaitForAConditionInsideALock(Mutex& mutex, Condition& never) {
  rqlockdep::Validated<std::mutex> outer;
  bool waits = false;
  std::thread waiter([&] {
    const std::scoped_lock inside(outer, mutex);
    waits = true;
    mutex.Wait(never);
  });
  for (;;) {
    mutex.lock();
    if (waits) break;
    mutex.unlock();
    std::this_thread::yield();
  }
  outer.lock();
  waiter.join();
}

void ReadersThatWaitForOneAnother() {
  constexpr int kThreads = 10;
  static const rqlockdep::LockClass classes[] = {rqlockdep::LockClass("left"),
                                                 rqlockdep::LockClass("right")};
  rqlockdep::Validated<std::shared_mutex> left(classes[0]);
  rqlockdep::Validated<std::shared_mutex> right(classes[1]);
  std::latch all_hold_one(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      (i % 2 == 0 ? left : right).lock_shared();
      all_hold_one.arrive_and_wait();
      (i % 2 == 0 ? right : left).lock();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (std::strcmp(argv[1], "absl_condvar") == 0) {
    rqlockdep::Validated<absl::Mutex> mutex;
    absl::CondVar never;
    WaitForAConditionInsideALock(mutex, never);
  }
  if (std::strcmp(argv[1], "pthread_cond") == 0) {
    rqlockdep::ValidatedPthreadMutex mutex;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    WaitForAConditionInsideALock(mutex, never);
  }
  if (std::strcmp(argv[1], "readers") == 0) ReadersThatWaitForOneAnother();
  const rqlockdep::RingOutcome outcome = rqlockdep::RunRing(argv[1]);
  std::printf("failed: %d\n", outcome.failed);
  return 0;
}
