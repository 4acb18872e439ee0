// A program with a ring of threads that wait for one another: see lock_ring.h.
//
//   ring_program KINDS     one thread and one lock for each letter; says how many failed
//   ring_program condvar   a thread waits for a condition inside a lock that another wants while it
//                          has the condition's lock
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "tests/runtime/lock_ring.h"

// Thread sanitizer has a deadlock detector too, and would end the program with its own report.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

namespace {

void WaitForAConditionInsideALock() {
  rqlockdep::Validated<std::mutex> outer;
  rqlockdep::Validated<absl::Mutex> mutex;
  absl::CondVar never;
  bool waits = false;
  std::thread waiter([&] {
    const std::scoped_lock inside(outer, mutex);
    waits = true;
    mutex.Wait(never);
  });
  for (;;) {
    mutex.Lock();
    if (waits) break;
    mutex.Unlock();
    std::this_thread::yield();
  }
  outer.lock();
  waiter.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (std::strcmp(argv[1], "condvar") == 0) WaitForAConditionInsideALock();
  const rqlockdep::RingOutcome outcome = rqlockdep::RunRing(argv[1]);
  std::printf("failed: %d\n", outcome.failed);
  return 0;
}
