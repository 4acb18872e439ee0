#include "tests/benchmark/held_pairs.h"

#include <cstddef>
#include <deque>

#include "tests/benchmark/ticks.h"
#include "tests/benchmark/validated_locks.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr size_t kMaxDepth = 16;

template <typename Lock>
[[gnu::noinline]] uint64_t Loop(Lock& lock, int pairs) {
  const uint64_t begin = Ticks();
  for (int i = 0; i < pairs; ++i) {
    lock.Lock();
    asm volatile("" ::: "memory");
    lock.Unlock();
  }
  return Ticks() - begin;
}

template <typename Lock>
uint64_t Run(int depth, int pairs) {
  // One set for each type: a class has locks of one kind.
  static std::deque<LockClass>& classes = NewClasses(kMaxDepth);
  Prepare<Lock>();
  const auto count = static_cast<size_t>(depth);
  std::deque<Lock> locks;
  for (size_t i = 0; i < count; ++i) locks.emplace_back(classes[i]);
  for (size_t i = 0; i + 1 < count; ++i) locks[i].Lock();
  Loop(locks.back(), 100);  // the first time is that of a new chain
  const uint64_t ticks = Loop(locks.back(), pairs);
  for (size_t i = count - 1; i-- > 0;) locks[i].Unlock();
  return ticks;
}

}  // namespace

const std::vector<HeldPairs>& AllHeldPairs() {
  static const auto* all = new std::vector<HeldPairs>{
      {"resilient_off", &Run<BareResilient>}, {"resilient_on", &Run<Resilient>},
      {"std_mutex", &Run<PlainMutex>},        {"validated_mutex", &Run<ValidatedMutex>},
      {"library_mutex", &Run<LibraryMutex>},  {"absl_off", &Run<AbslIgnored>},
      {"absl_on", &Run<AbslDetecting>},
  };
  return *all;
}

const std::vector<Added>& AllAdded() {
  static const auto* all = new std::vector<Added>{
      {"added, inline", "resilient_on", "resilient_off"},
      {"added, std::mutex", "validated_mutex", "std_mutex"},
      {"added, shared library", "library_mutex", "std_mutex"},
      {"added, absl", "absl_on", "absl_off"},
  };
  return *all;
}

}  // namespace rqlockdep::benchmark
