// A process with three copies of the locks: in the executable, and in two shared libraries that
// dlopen loads with RTLD_LOCAL. They have one table, and a thread has one slot in it.
//
//   shared_table_test LIBRARY LIBRARY
#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "src/thread_slot_table.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

using rqlockdep::LockResult;
using rqlockdep::ResilientSpinlock;

namespace {

int failures = 0;
#define EXPECT(condition)                                                   \
  do {                                                                      \
    if (!(condition)) {                                                     \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                           \
    }                                                                       \
  } while (0)

struct Plugin {
  explicit Plugin(const char* path) : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      std::printf("%s\n", dlerror());
      std::exit(1);
    }
    Find(table, "PluginTable");
    Find(slot, "PluginSlot");
    Find(acquire, "PluginAcquire");
    Find(release, "PluginRelease");
    Find(is_held, "PluginIsHeld");
  }
  template <class Function>
  void Find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(handle, name));
  }
  LockResult Acquire(ResilientSpinlock& lock, int64_t nanoseconds = INT64_MAX) const {
    return static_cast<LockResult>(acquire(&lock, nanoseconds));
  }

  void* const handle;
  const void* (*table)();
  int (*slot)();
  int (*acquire)(ResilientSpinlock*, int64_t);
  void (*release)(ResilientSpinlock*);
  int (*is_held)(ResilientSpinlock*);
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Plugin one(argv[1]);
  const Plugin two(argv[2]);
  EXPECT(one.handle != two.handle);
  EXPECT(one.acquire != two.acquire);
  EXPECT(one.table() == two.table());
  EXPECT(one.table() == rqlockdep::internal::ProcessSlotTable());

  // A thread is one thread, whichever copy it goes through, and whichever comes first.
  for (int round = 0; round < 3; ++round) {
    std::thread([&] {
      ResilientSpinlock lock;
      EXPECT(one.Acquire(lock) == LockResult::kOk);
      EXPECT(two.Acquire(lock) == LockResult::kDeadlock);
      EXPECT(lock.Acquire() == LockResult::kDeadlock);
      EXPECT(two.is_held(&lock) && lock.IsHeld());
      EXPECT(one.slot() == two.slot() && one.slot() == rqlockdep::internal::CurrentSlot()->id);
      two.release(&lock);
      EXPECT(!one.is_held(&lock));
      EXPECT(lock.Acquire() == LockResult::kOk);
      one.release(&lock);
    }).join();
  }
  // And gives back its slot once.
  int id = -1;
  std::thread([&] { id = one.slot(); }).join();
  std::thread([&] { EXPECT(two.slot() == id); }).join();

  // A ring through both copies.
  ResilientSpinlock a;
  ResilientSpinlock b;
  std::atomic<int> holding{0};
  std::atomic<int> victims{0};
  const auto both = [&](const Plugin& first, ResilientSpinlock& mine, const Plugin& second,
                        ResilientSpinlock& other) {
    EXPECT(first.Acquire(mine) == LockResult::kOk);
    ++holding;
    while (holding != 2) std::this_thread::yield();
    const LockResult result = second.Acquire(other);
    if (result == LockResult::kOk) first.release(&other);
    if (result == LockResult::kDeadlock) ++victims;
    second.release(&mine);
  };
  std::thread first([&] { both(one, a, two, b); });
  std::thread second([&] { both(two, b, one, a); });
  first.join();
  second.join();
  EXPECT(victims == 1);

  // A thread that outlives a copy it has used ends in peace, and the table stays.
  std::atomic<int> phase{0};
  std::thread survivor([&] {
    ResilientSpinlock lock;
    EXPECT(two.Acquire(lock) == LockResult::kOk);
    two.release(&lock);
    phase = 1;
    phase.notify_one();
    phase.wait(1);
    EXPECT(one.Acquire(lock) == LockResult::kOk);
    one.release(&lock);
  });
  phase.wait(0);
  const void* const table = one.table();
  dlclose(two.handle);
  phase = 2;
  phase.notify_one();
  survivor.join();
  EXPECT(one.table() == table);
  ResilientSpinlock lock;
  EXPECT(one.Acquire(lock) == LockResult::kOk);
  EXPECT(lock.Acquire() == LockResult::kDeadlock);
  lock.unlock();

  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
