// In the steady state no lock is taken, nothing shared is written and the kernel is not called:
// with the real hooks, the real locks and the validator of this process. Threads that know their
// orders go on while the program's variables (the validator and its locks among them) and all that
// the validator ever mapped cannot be written, but for what belongs to one thread; and while a
// system call ends the process. (tests/unit/steady_state_test.cc does the same with a validator of
// its own and longer chains.)
//
// Each run is a process of its own, which ends while everything is still protected.
#include <gtest/gtest.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "rqlockdep/context.h"
#include "rqlockdep/internal/thread_slot.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "tests/support/mapping_recorder.h"
#include "validator/runtime/runtime.h"
#include "validator/runtime/thread_context.h"

#if defined(__clang__)
// Locks are tried, and taken through pointers.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {
namespace {

constexpr int kThreads = 3;
constexpr size_t kPage = 4096;

void Require(bool condition, const char* what) {
  if (condition) return;
  dprintf(STDERR_FILENO, "%s\n", what);
  _exit(2);
}

// A lock whose LockMap, which comes first, ends where a page ends: that page can be protected while
// the lock's own state is written. A spinlock's state lies in the padding of its map, so with those
// the map is compared instead.
template <typename Lock>
class SplitLock {
 public:
  explicit SplitLock(const LockClass& lock_class)
      : pages_(static_cast<std::byte*>(std::aligned_alloc(kPage, 2 * kPage))),
        lock_(new (pages_ + kPage - sizeof(hooks::LockMap)) Lock(lock_class)) {
    static_assert(sizeof(Lock) <= kPage && alignof(Lock) <= alignof(hooks::LockMap));
  }
  SplitLock(const SplitLock&) = delete;
  SplitLock& operator=(const SplitLock&) = delete;

  Lock& operator*() { return *lock_; }
  Lock* operator->() { return lock_; }

  void Protect() {
    if (kIsSplit) {
      Require(mprotect(pages_, kPage, PROT_READ) == 0, "a lock's page cannot be protected");
    } else {
      std::memcpy(before_, lock_, kMapSize);
    }
  }
  void CheckUnchanged() {
    if (!kIsSplit) Require(std::memcmp(before_, lock_, kMapSize) == 0, "a lock's map has changed");
  }

 private:
  static constexpr bool kIsSplit = sizeof(Lock) > sizeof(hooks::LockMap);
  static constexpr size_t kMapSize = sizeof(hooks::LockMap) - sizeof(internal::LockWord);

  std::byte* const pages_;
  Lock* const lock_;
  std::byte before_[kMapSize];
};

const LockClass kOuterClass("outer");
const LockClass kTableClass("table");
const LockClass kRecursiveClass("recursive");
const LockClass kSpinClass("spin");
const LockClass kInnerClass("inner");
const LockClass kResilientClass("resilient");
const LockClass kTriedClass("tried");
const LockClass kCallbackClass("callback");
const LockClass kOrderedClass("ordered",
                              [](const void* held, const void* asked) { return held < asked; });
const LockClass kChildClass("child");

// One thread's locks; the classes are those of all threads.
class Locks {
 public:
  // What a program does with locks, over and over.
  void UseAll() {
    {
      const SoftContextScope scope;
      const std::scoped_lock callback_guard(*callback_);
    }
    const std::scoped_lock outer_guard(*outer_);
    UseChildren();
    UseInterrupted();
    {
      const std::shared_lock reader(*table_);
      const std::scoped_lock recursive_guard(*recursive_);
      const std::scoped_lock again(*recursive_);
      const std::scoped_lock spin_guard(*spin_);
      inner_->lock({.subclass = 1});
      Require(resilient_->Acquire() == LockResult::kOk, "the resilient lock fails");
      Require(tried_->try_lock(), "the lock is free");
      Require(!tried_->try_lock(), "the lock is taken");
      tried_->unlock();
      inner_->unlock();  // not in reverse order
      resilient_->unlock();
    }
    const std::unique_lock writer(*table_);
    Require(resilient_->try_lock_for(std::chrono::seconds(10)), "the resilient lock fails");
    resilient_->unlock();
  }
  // Under a nest lock, and by an order function.
  void UseChildren() {
    const Nested nested = {.nest = &*outer_};
    first_child_->lock(nested);
    Require(second_child_->try_lock(nested), "the lock is free");
    Require(!second_child_->try_lock(nested), "the lock is taken");
    second_child_->unlock();
    second_child_->lock(nested);
    third_child_->lock({.subclass = 2, .nest = &*outer_});
    third_child_->unlock();
    second_child_->unlock();
    first_child_->unlock();
    const bool in_order = &*ordered_ < &*also_ordered_;
    const std::scoped_lock first(in_order ? *ordered_ : *also_ordered_);
    const std::scoped_lock second(in_order ? *also_ordered_ : *ordered_);
  }
  // By callbacks and others who must not come, while locks are held.
  void UseInterrupted() {
    const std::scoped_lock spin_guard(*spin_);
    {
      const SoftContextScope scope;
      const std::scoped_lock callback_guard(*callback_);
    }
    const SoftMaskScope mask;
    const std::scoped_lock callback_guard(*callback_);
  }
  void UseInAnOrderThatIsNew() {
    const std::scoped_lock first(*table_);
    const std::scoped_lock second(*outer_);
  }

  void Protect() {
    ForEach([](auto& lock) { lock.Protect(); });
  }
  void CheckUnchanged() {
    ForEach([](auto& lock) { lock.CheckUnchanged(); });
  }

 private:
  template <typename Function>
  void ForEach(Function function) {
    std::apply([&](auto&... lock) { (function(lock), ...); },
               std::tie(outer_, table_, recursive_, spin_, inner_, resilient_, tried_, callback_,
                        first_child_, second_child_, third_child_, ordered_, also_ordered_));
  }

  SplitLock<Validated<std::mutex>> outer_{kOuterClass};
  SplitLock<Validated<std::shared_mutex>> table_{kTableClass};
  SplitLock<Validated<std::recursive_mutex>> recursive_{kRecursiveClass};
  SplitLock<QueuedSpinlock> spin_{kSpinClass};
  SplitLock<QueuedSpinlock> inner_{kInnerClass};
  SplitLock<ResilientSpinlock> resilient_{kResilientClass};
  SplitLock<QueuedSpinlock> tried_{kTriedClass};
  SplitLock<QueuedSpinlock> callback_{kCallbackClass};
  SplitLock<QueuedSpinlock> first_child_{kChildClass};
  SplitLock<QueuedSpinlock> second_child_{kChildClass};
  SplitLock<QueuedSpinlock> third_child_{kChildClass};
  SplitLock<Validated<std::mutex>> ordered_{kOrderedClass};
  SplitLock<Validated<std::mutex>> also_ordered_{kOrderedClass};
};

struct Thread {
  Locks locks;
  const ThreadState* state = nullptr;
  const internal::Cell* cells = nullptr;
  std::atomic<bool> warm{false};
  std::atomic<bool> done{false};
};

// From now on the calling thread may end, and nothing else.
void ForbidSystemCalls() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program = {.len = std::size(filter), .filter = filter};
  Require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
  Require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
}

// What the threads themselves may write: their states, and the cells in which the resilient locks
// list what a thread holds, which lie in one mapping for all threads.
bool BelongsToThreads(Mapping mapping, const std::vector<std::unique_ptr<Thread>>& threads) {
  const auto contains = [&](const void* address) {
    return address >= mapping.data() && address < mapping.data() + mapping.size();
  };
  bool belongs = false;
  for (const std::unique_ptr<Thread>& thread : threads) {
    belongs |= contains(thread->state) || contains(thread->cells);
    thread->state->ForEachMapping([&](const void* memory, size_t) { belongs |= contains(memory); });
  }
  return belongs;
}

// Of this program, not of the C library: what the loader has protected already is left out.
Mapping Variables() {
  Mapping variables;
  const auto visit = [](dl_phdr_info* info, size_t, void* result) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    uintptr_t protected_end = 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& header = info->dlpi_phdr[i];
      const uintptr_t address = info->dlpi_addr + header.p_vaddr;
      if (header.p_type == PT_LOAD && (header.p_flags & PF_W) != 0) {
        begin = address;
        end = address + header.p_memsz;
      } else if (header.p_type == PT_GNU_RELRO) {
        protected_end = address + header.p_memsz;
      }
    }
    begin = std::max(begin, protected_end) & ~(kPage - 1);
    *static_cast<Mapping*>(result) = {reinterpret_cast<std::byte*>(begin), end - begin};
    return 1;  // the program comes first
  };
  dl_iterate_phdr(visit, &variables);
  return variables;
}

void ProtectAllThatIsShared(const std::vector<std::unique_ptr<Thread>>& threads) {
  std::vector<Mapping> shared;
  size_t bytes = 0;
  for (const Mapping mapping : RecordedMappings()) {
    if (BelongsToThreads(mapping, threads)) continue;
    shared.push_back(mapping);
    bytes += mapping.size();
  }
  Require(bytes > (size_t{100} << 10), "where are the validator's tables?");
  const Mapping variables = Variables();
  const auto* runtime = reinterpret_cast<const std::byte*>(&Runtime::GetMade());
  Require(runtime >= variables.data() &&
              runtime + sizeof(Runtime) <= variables.data() + variables.size(),
          "where is the validator?");
  shared.push_back(variables);
  for (const std::unique_ptr<Thread>& thread : threads) thread->locks.Protect();
  for (const Mapping mapping : shared) {
    Require(mprotect(mapping.data(), mapping.size(), PROT_READ) == 0, "cannot be protected");
  }
}

using Misdeed = void (*)(Locks&);

void RunThread(Thread& thread, const std::atomic<bool>& go, Misdeed misdeed) {
  for (int round = 0; round < 3; ++round) thread.locks.UseAll();
  thread.state = t_context.state;
  thread.cells = internal::thread_cursor;
  // Release, and acquire in the loops that wait: each side sees what the other did before.
  thread.warm.store(true, std::memory_order_release);
  while (!go.load(std::memory_order_acquire)) sched_yield();
  ForbidSystemCalls();
  for (int round = 0; round < 2000; ++round) thread.locks.UseAll();
  if (misdeed != nullptr) misdeed(thread.locks);
  thread.done.store(true, std::memory_order_release);
  syscall(SYS_exit, 0);
}

// Ends the process, with status 0 if all went well.
[[noreturn]] void RunProtected(Misdeed misdeed) {
  std::vector<std::unique_ptr<Thread>> threads;
  std::atomic<bool> go = false;
  for (int i = 0; i < kThreads; ++i) {
    Thread& thread = *threads.emplace_back(std::make_unique<Thread>());
    std::thread([&thread, &go, misdeed] { RunThread(thread, go, misdeed); }).detach();
    while (!thread.warm.load(std::memory_order_acquire)) sched_yield();
  }
  ProtectAllThatIsShared(threads);
  go.store(true, std::memory_order_release);
  for (const std::unique_ptr<Thread>& thread : threads) {
    while (!thread->done.load(std::memory_order_acquire)) sched_yield();
    thread->locks.CheckUnchanged();
    Require(thread->state->held.depth() == 0, "a lock is still held");
  }
  _exit(0);
}

TEST(SteadyStateDeathTest, NothingSharedIsWrittenAndTheKernelIsNotCalled) {
  EXPECT_EXIT(RunProtected(nullptr), ::testing::ExitedWithCode(0), "^$");
}

// That the above would fail if it had reason to.

TEST(SteadyStateDeathTest, ANewOrderWouldBeNoticed) {
  EXPECT_EXIT(RunProtected([](Locks& locks) { locks.UseInAnOrderThatIsNew(); }),
              ::testing::KilledBySignal(SIGSEGV), "^$");
}

TEST(SteadyStateDeathTest, ALockOfTheValidatorWouldBeNoticed) {
  EXPECT_EXIT(RunProtected([](Locks&) { Runtime::GetMade().validator().graph_lock().lock(); }),
              ::testing::KilledBySignal(SIGSEGV), "^$");
  EXPECT_EXIT(RunProtected([](Locks&) { Runtime::GetMade().validator().waits_lock().lock(); }),
              ::testing::KilledBySignal(SIGSEGV), "^$");
}

volatile int counter = 0;  // volatile, because nobody reads it

TEST(SteadyStateDeathTest, ASharedCounterWouldBeNoticed) {
  EXPECT_EXIT(RunProtected([](Locks&) { counter = 1; }), ::testing::KilledBySignal(SIGSEGV), "^$");
}

TEST(SteadyStateDeathTest, ASystemCallWouldBeNoticed) {
  EXPECT_EXIT(RunProtected([](Locks&) { sched_yield(); }), ::testing::KilledBySignal(SIGSYS), "^$");
}

}  // namespace
}  // namespace rqlockdep
