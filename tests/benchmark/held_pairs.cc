#include "tests/benchmark/held_pairs.h"

#include <cstddef>
#include <deque>
#include <memory>

#include "tests/benchmark/ticks.h"
#include "tests/benchmark/validated_locks.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr size_t kMaxDepth = 16;
constexpr size_t kMany = 64;

// One and the other in turn, if there are two.
template <typename Lock>
[[gnu::noinline]] uint64_t Loop(Lock& one, Lock& other, int pairs) {
  const uint64_t begin = Ticks();
  for (int i = 0; i < pairs; i += 2) {
    one.Lock();
    asm volatile("" ::: "memory");
    one.Unlock();
    other.Lock();
    asm volatile("" ::: "memory");
    other.Unlock();
  }
  return Ticks() - begin;
}

// With `kInTurn` two locks of two classes take turns as the newest.
template <typename Lock, bool kInTurn = false>
uint64_t Run(int depth, int pairs) {
  // One set for each type: a class has locks of one kind.
  static std::deque<LockClass>& classes = NewClasses(kMaxDepth + 1);
  Prepare<Lock>();
  const auto count = static_cast<size_t>(depth);
  std::deque<Lock> locks;
  for (size_t i = 0; i < count; ++i) locks.emplace_back(classes[i]);
  for (size_t i = 0; i + 1 < count; ++i) locks[i].Lock();
  Lock& newest = locks[count - 1];
  Lock& other = kInTurn ? locks.emplace_back(classes[count]) : newest;
  Loop(newest, other, 100);  // the first time is that of a new chain
  const uint64_t ticks = Loop(newest, other, pairs);
  for (size_t i = count - 1; i-- > 0;) locks[i].Unlock();
  return ticks;
}

// The same with `kMany` locks of as many classes in turn: more than the validator keeps records of.
template <typename Lock>
uint64_t RunMany(int depth, int pairs) {
  static std::deque<LockClass>& classes = NewClasses(kMaxDepth + kMany);
  const auto below = static_cast<size_t>(depth) - 1;
  std::vector<std::unique_ptr<Lock>> locks;
  for (size_t i = 0; i < below + kMany; ++i) locks.push_back(std::make_unique<Lock>(classes[i]));
  for (size_t i = 0; i < below; ++i) locks[i]->Lock();
  const auto loop = [&](int count) {
    const uint64_t begin = Ticks();
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      Lock& lock = *locks[below + i % kMany];
      lock.Lock();
      asm volatile("" ::: "memory");
      lock.Unlock();
    }
    return Ticks() - begin;
  };
  loop(2 * kMany);  // the first time is that of a new chain
  const uint64_t ticks = loop(pairs);
  for (size_t i = below; i-- > 0;) locks[i]->Unlock();
  return ticks;
}

}  // namespace

const std::vector<HeldPairs>& AllHeldPairs() {
  static const auto* all = new std::vector<HeldPairs>{
      {"resilient_off", &Run<BareResilient>},
      {"resilient_on", &Run<Resilient>},
      {"in_turn_off", &Run<BareResilient, true>},
      {"in_turn_on", &Run<Resilient, true>},
      {"many_off", &RunMany<BareResilient>},
      {"many_on", &RunMany<Resilient>},
      {"std_mutex", &Run<PlainMutex>},
      {"validated_mutex", &Run<ValidatedMutex>},
      {"library_mutex", &Run<LibraryMutex>},
      {"std_in_turn", &Run<PlainMutex, true>},
      {"library_in_turn", &Run<LibraryMutex, true>},
      {"absl_off", &Run<AbslIgnored>},
      {"absl_on", &Run<AbslDetecting>},
      {"absl_in_turn_off", &Run<AbslIgnored, true>},
      {"absl_in_turn_on", &Run<AbslDetecting, true>},
  };
  return *all;
}

const std::vector<Added>& AllAdded() {
  static const auto* all = new std::vector<Added>{
      {"added, inline", "resilient_on", "resilient_off"},
      {"added, inline in turn", "in_turn_on", "in_turn_off"},
      {"added, inline, 64 in turn", "many_on", "many_off"},
      {"added, std::mutex", "validated_mutex", "std_mutex"},
      {"added, shared library", "library_mutex", "std_mutex"},
      {"added, shared library in turn", "library_in_turn", "std_in_turn"},
      {"added, absl", "absl_on", "absl_off"},
      {"added, absl in turn", "absl_in_turn_on", "absl_in_turn_off"},
  };
  return *all;
}

}  // namespace rqlockdep::benchmark
