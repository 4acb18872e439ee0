// A validated program whose validator runs out of memory. out_of_memory_test.sh looks at what
// becomes of it.
//
//   out_of_memory_program         some of everything; the environment says which allocation fails
//                                 (tests/support/failing_memory.h). Its last line says how many
//                                 there were
//   out_of_memory_program limit   with little address space left, many classes and orders
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "rqlockdep/context.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "tests/support/failing_memory.h"
#include "tests/support/thread_states.h"

#if defined(__clang__)
// Locks are tried, and given back in loops.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace {

using Mutex = rqlockdep::Validated<std::mutex>;

template <typename First, typename Second>
void Nest(First& first, Second& second) {
  first.lock();
  second.lock();
  second.unlock();
  first.unlock();
}

Mutex handler_lock;
void Handler(int) {
  handler_lock.lock();
  handler_lock.unlock();
}

// Until the thread has begun, and sleeps or has ended.
void AwaitSleepOrEnd(const std::atomic<pid_t>& thread) {
  while (thread == 0) std::this_thread::yield();
  rqlockdep::AwaitSleep(getpid(), thread);
}

// A thread really waits, and then two for each other, of whom one gives way; without memory for the
// locks' tables, at the end of its limit.
void Wait() {
  const auto limit = std::getenv("RQLOCKDEP_TEST_FAIL_FIRST") == nullptr
                         ? std::chrono::milliseconds(3'600'000)
                         : std::chrono::milliseconds(5);
  Mutex lock;
  rqlockdep::ResilientSpinlock mine;
  rqlockdep::ResilientSpinlock theirs;
  std::atomic<pid_t> waiter_id{0};
  lock.lock();
  if (mine.Acquire() != rqlockdep::LockResult::kOk) std::abort();
  std::thread waiter([&] {
    if (theirs.Acquire() != rqlockdep::LockResult::kOk) std::abort();
    waiter_id = gettid();
    lock.lock();
    lock.unlock();
    if (mine.AcquireFor(limit) == rqlockdep::LockResult::kOk) mine.unlock();
    theirs.unlock();
  });
  AwaitSleepOrEnd(waiter_id);
  lock.unlock();
  AwaitSleepOrEnd(waiter_id);
  if (theirs.AcquireFor(limit) == rqlockdep::LockResult::kOk) theirs.unlock();
  mine.unlock();
  waiter.join();
}

void SomeOfEverything() {
  Wait();
  Mutex a;
  Mutex b;
  Nest(a, b);
  Nest(b, a);
  std::vector<std::unique_ptr<Mutex>> many;
  for (int i = 0; i < 70; ++i) many.push_back(std::make_unique<Mutex>());
  many[0]->lock();
  for (int i = 1; i < 70; ++i) {
    if (!many[i]->try_lock()) std::abort();
  }
  for (const std::unique_ptr<Mutex>& mutex : many) mutex->unlock();
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      Nest(a, b);
      rqlockdep::Validated<std::shared_mutex> shared;
      shared.lock_shared();
      shared.unlock_shared();
    }).join();
  }
  struct sigaction action = {};
  action.sa_handler = &Handler;
  if (rqlockdep::Sigaction(SIGUSR1, &action, nullptr) != 0) std::abort();
  handler_lock.lock();
  handler_lock.unlock();
  raise(SIGUSR1);
}

// Everything of the program's own is there before the limit: what fails is the validator's.
void ManyClassesWithLittleMemory() {
  constexpr int kClasses = 40000;
  std::vector<std::unique_ptr<rqlockdep::LockClass>> classes;
  std::vector<std::unique_ptr<Mutex>> locks;
  for (int i = 0; i < kClasses; ++i) {
    classes.push_back(std::make_unique<rqlockdep::LockClass>("class"));
    locks.push_back(std::make_unique<Mutex>(*classes.back()));
  }
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t bytes = static_cast<rlim_t>(pages) * 4096 + (4 << 20);
  const rlimit limit = {bytes, bytes};
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
  // Some 25 MB of orders, many times what is left.
  for (int distance = 1; distance <= 7; ++distance) {
    for (int i = 0; i + distance < kClasses; ++i) Nest(*locks[i], *locks[i + distance]);
  }
  // A real inversion, that the validator has no memory to see, and what would be one if it had only
  // half seen it.
  for (int i = 0; i + 1 < kClasses; i += 100) Nest(*locks[i + 1], *locks[i]);
}

// After everything else, the validator's part of exit too.
[[gnu::destructor(101)]] void SayHowManyMappings() {
  const std::string line = "mappings " + std::to_string(rqlockdep::MappingsAskedFor()) + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "limit") == 0) {
    ManyClassesWithLittleMemory();
  } else {
    SomeOfEverything();
  }
  std::puts("done");
  std::fflush(stdout);
  return 0;
}
