// Uncontended lock pairs to be counted by callgrind, for instruction_count_test.sh, and, with the
// validator, for docs/measurements.md:
//
//   counted_pairs resilient|queued|nested PAIRS
//
// Sixteen pairs at a time are written out one after the other, so that what is counted is the pairs
// and hardly the loop around them. `nested`: each second one inside the one before, which takes
// calls into the library.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"

namespace {

[[gnu::always_inline]] inline void Pair(rqlockdep::ResilientSpinlock& lock)
    RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
  if (lock.Acquire() != rqlockdep::LockResult::kOk) [[unlikely]]
    std::abort();
  asm volatile("" ::: "memory");
  lock.unlock();
}

[[gnu::always_inline]] inline void Pair(rqlockdep::QueuedSpinlock& lock) {
  lock.lock();
  asm volatile("" ::: "memory");
  lock.unlock();
}

template <class Lock>
[[gnu::always_inline]] inline void FourPairs(Lock& lock) {
  Pair(lock);
  Pair(lock);
  Pair(lock);
  Pair(lock);
}

template <class Lock>
void Pairs(Lock& lock, int64_t sixteens) {
  // As most locks are reached: the address is in a register, and not known to the compiler.
  Lock* hidden = &lock;
  asm("" : "+r"(hidden));
  for (; sixteens > 0; --sixteens) {
    FourPairs(*hidden);
    FourPairs(*hidden);
    FourPairs(*hidden);
    FourPairs(*hidden);
  }
}

rqlockdep::ResilientSpinlock outer;
rqlockdep::ResilientSpinlock resilient;
rqlockdep::QueuedSpinlock queued;

}  // namespace

int main(int argc, char** argv) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
  if (argc != 3) return 2;
  const std::string_view what = argv[1];
  const int64_t sixteens = std::atoll(argv[2]) / 16;
  if (what == "queued") {
    Pairs(queued, sixteens);
  } else if (what == "resilient") {
    Pairs(resilient, sixteens);
  } else if (what == "nested") {
    for (int64_t pairs = sixteens * 16; pairs > 0; pairs -= 2) {
      if (outer.Acquire() != rqlockdep::LockResult::kOk) std::abort();
      Pair(resilient);
      outer.unlock();
    }
  } else {
    std::fprintf(stderr, "no such lock: %s\n", argv[1]);
    return 2;
  }
  return 0;
}
