// In the steady state no lock is taken and nothing shared is written: known chains run on several
// threads while the validator, all its tables and the locks' own maps lie in memory that cannot be
// written. Only what belongs to the threads themselves can.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/mapping_recorder.h"
#include "tests/support/uneventful_validator.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

constexpr int kThreads = 3;
constexpr int kDepth = 20;  // more than a shallow stack holds

// An object in pages of its own.
template <typename T>
struct alignas(4096) OnPages {
  template <typename... Arguments>
  explicit OnPages(Arguments&&... arguments) : object(std::forward<Arguments>(arguments)...) {}
  T object;
};

// An array whose elements are constructed one by one.
template <typename T, size_t kSize>
class InPlace {
 public:
  template <typename... Arguments>
  void Add(Arguments&&... arguments) {
    new (memory_ + size_++ * sizeof(T)) T(std::forward<Arguments>(arguments)...);
  }
  T& operator[](size_t i) { return begin()[i]; }
  T* begin() { return reinterpret_cast<T*>(memory_); }
  T* end() { return begin() + size_; }

 private:
  alignas(T) std::byte memory_[kSize * sizeof(T)];
  size_t size_ = 0;
};

class SteadyStateTest : public ::testing::Test {
 protected:
  struct Locks {
    explicit Locks(const std::deque<LockClass>& classes) {
      for (int i = 0; i < kDepth; ++i) maps.Add(LockKind::kMutex, classes[i]);
      for (int i = 0; i < 3; ++i) readers.Add(LockKind::kMutex, classes[1]);
    }
    InPlace<hooks::LockMap, kDepth> maps;
    // More of the class of maps[1].
    InPlace<hooks::LockMap, 3> readers;
    // Whose readers are others inside a context.
    hooks::LockMap fair = hooks::LockMap(LockKind::kFairRwlock, kFairClass);
    hooks::LockMap spin = hooks::LockMap(LockKind::kQspinlock, kSpinClass);
  };

  SteadyStateTest() {
    for (ThreadState*& thread : threads_) {
      thread = validator().NewThread();
      RunKnownChains(*thread, 1);
    }
  }
  ~SteadyStateTest() override { Protect(PROT_READ | PROT_WRITE); }

  Validator& validator() { return validator_->object; }

  // From one lock held to all of them, readers and tries among them; and upon them, in turn, others
  // of a class that is held, a reader in and out of a context, and a handler's lock.
  void RunKnownChains(ThreadState& thread, int rounds) {
    const CallSite site = {{1}};
    for (int round = 0; round < rounds; ++round) {
      for (int depth = 1; depth <= kDepth; ++depth) {
        for (int i = 0; i < depth; ++i) {
          hooks::AcquireArguments arguments;
          if (i % 3 == 1) arguments.mode = LockMode::kRecursiveReader;
          if (i % 4 == 3) {
            validator().TryAcquire(thread, locks_->object.maps[i], arguments, true, site);
          } else {
            validator().Acquire(thread, locks_->object.maps[i], arguments, site);
          }
        }
        for (hooks::LockMap& reader : locks_->object.readers) {
          const hooks::AcquireArguments arguments = {.mode = LockMode::kRecursiveReader};
          validator().Acquire(thread, reader, arguments, site);
          validator().Release(thread, reader, site);
        }
        UseFairLock(thread, site);
        validator().EnterContext(thread, ContextKind::kSoft);
        UseFairLock(thread, site);
        validator().EnterContext(thread, ContextKind::kHard);
        validator().Acquire(thread, locks_->object.spin, {}, site);
        validator().Release(thread, locks_->object.spin, site);
        validator().LeaveContext(thread, site);
        validator().LeaveContext(thread, site);
        for (int i = depth; i-- > 0;) validator().Release(thread, locks_->object.maps[i], site);
      }
    }
  }

  void UseFairLock(ThreadState& thread, const CallSite& site) {
    hooks::LockMap& lock = locks_->object.fair;
    validator().Acquire(thread, lock, {.mode = LockMode::kReader}, site);
    validator().TryAcquire(thread, lock, {.mode = LockMode::kReader}, /*got_it=*/false, site);
    validator().Release(thread, lock, site);
  }

  // Of everything but the threads' own memory. Returns how many bytes that is.
  size_t Protect(int protection) {
    std::map<const void*, size_t> own;
    for (ThreadState* thread : threads_) {
      own[thread] = sizeof(ThreadState);
      thread->ForEachMapping([&](const void* memory, size_t size) { own[memory] = size; });
    }
    size_t bytes = sizeof(*validator_) + sizeof(*locks_);
    for (const Mapping mapping : RecordedMappings()) {
      if (own.contains(mapping.data())) continue;
      EXPECT_EQ(mprotect(mapping.data(), mapping.size(), protection), 0);
      bytes += mapping.size();
    }
    EXPECT_EQ(mprotect(validator_.get(), sizeof(*validator_), protection), 0);
    EXPECT_EQ(mprotect(locks_.get(), sizeof(*locks_), protection), 0);
    return bytes;
  }

  static constexpr LockClass kFairClass = LockClass("fair");
  static constexpr LockClass kSpinClass = LockClass("spin");
  OneStack environment_;
  NoFindings sink_;
  const std::deque<LockClass> classes_ = [] {
    std::deque<LockClass> classes;
    for (int i = 0; i < kDepth; ++i) classes.emplace_back("class");
    return classes;
  }();
  std::unique_ptr<OnPages<Locks>> locks_ = std::make_unique<OnPages<Locks>>(classes_);
  std::unique_ptr<OnPages<Validator>> validator_ =
      std::make_unique<OnPages<Validator>>(environment_, sink_, Validator::Options());
  ThreadState* threads_[kThreads] = {};
};

TEST_F(SteadyStateTest, NothingSharedIsWritten) {
  EXPECT_GT(Protect(PROT_READ), size_t{100} << 10);
  std::vector<std::thread> threads;
  for (ThreadState* state : threads_) {
    threads.emplace_back([this, state] { RunKnownChains(*state, 500); });
  }
  for (std::thread& thread : threads) thread.join();
  Protect(PROT_READ | PROT_WRITE);
  // It was no trick: they did what they seem to have done.
  for (ThreadState* state : threads_) EXPECT_EQ(state->held.depth(), 0U);
  validator().Acquire(*threads_[0], locks_->object.maps[0], {}, {{1}});
  EXPECT_EQ(threads_[0]->held.depth(), 1U);
  validator().Release(*threads_[0], locks_->object.maps[0], {{1}});
}

using SteadyStateDeathTest = SteadyStateTest;

TEST_F(SteadyStateDeathTest, ANewChainWouldBeNoticed) {
  EXPECT_DEATH(
      {
        Protect(PROT_READ);
        validator().Acquire(*threads_[0], locks_->object.maps[5], {}, {{1}});
        validator().Acquire(*threads_[0], locks_->object.maps[2], {}, {{1}});
      },
      "");
}

}  // namespace
}  // namespace rqlockdep
