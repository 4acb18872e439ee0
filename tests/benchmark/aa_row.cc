#include <cstdint>
#include <deque>
#include <ostream>
#include <string>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"
#include "tests/benchmark/pi_futex.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

constexpr int kAttemptsPerSlice = 100;
constexpr int kSlicesPerRound = 50;

// Asks for `lock`, which the caller holds. Counts into `found` how often that was found.
double NanosecondsPerAttempt(ResilientSpinlock& lock, int64_t& found) {
  const uint64_t begin = Ticks();
  for (int i = 0; i < kAttemptsPerSlice; ++i) {
    if (lock.Acquire() == LockResult::kDeadlock) ++found;
  }
  return static_cast<double>(Ticks() - begin) * NanosecondsPerTick() / kAttemptsPerSlice;
}

double NanosecondsPerAttempt(PiFutex& lock, int64_t& found) {
  const uint64_t begin = Ticks();
  for (int i = 0; i < kAttemptsPerSlice; ++i) {
    if (lock.Lock() == PiFutex::Result::kDeadlock) ++found;
  }
  return static_cast<double>(Ticks() - begin) * NanosecondsPerTick() / kAttemptsPerSlice;
}

}  // namespace

bool AaRow(const Options& options, std::ostream& out) RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS {
  const std::string resilient = "resilient, the only lock held";
  const std::string nested = "resilient, the oldest of 8 held";
  const std::string kernel = "FUTEX_LOCK_PI";
  const int slices = options.rounds * kSlicesPerRound;

  Samples nanoseconds;
  int64_t resilient_found = 0;
  int64_t kernel_found = 0;
  std::deque<ResilientSpinlock> locks(8);
  PiFutex futex;
  bool taken = futex.Lock() == PiFutex::Result::kTaken;
  taken = locks[0].Acquire() == LockResult::kOk && taken;
  for (int slice = 0; slice < slices; ++slice) {
    nanoseconds.Add(resilient, NanosecondsPerAttempt(locks[0], resilient_found));
    for (size_t i = 1; i < locks.size(); ++i) {
      taken = locks[i].Acquire() == LockResult::kOk && taken;
    }
    nanoseconds.Add(nested, NanosecondsPerAttempt(locks[0], resilient_found));
    for (size_t i = locks.size(); i-- > 1;) locks[i].unlock();
    nanoseconds.Add(kernel, NanosecondsPerAttempt(futex, kernel_found));
  }
  locks[0].unlock();
  futex.Unlock();

  out << "aa: a thread asks for a lock that it holds, " << slices << " slices of "
      << kAttemptsPerSlice << " attempts\n\n";
  Table table({"lock", "time", "x FUTEX_LOCK_PI"});
  for (const std::string& name : {resilient, nested, kernel}) {
    table.AddRow(
        {name, Duration(nanoseconds.MedianOf(name)), Ratio(nanoseconds.RatioOf(name, kernel))});
  }
  table.Print(out, options.markdown);
  const int64_t missed = int64_t{2} * slices * kAttemptsPerSlice - resilient_found;
  if (missed != 0) out << "VIOLATION: resilient missed " << missed << " deadlocks\n";
  if (kernel_found != int64_t{slices} * kAttemptsPerSlice) {
    out << "the kernel did not find all deadlocks: its time means nothing\n";
  }
  if (!taken) out << "VIOLATION: a free lock was not given\n";
  return missed == 0 && taken;
}

}  // namespace rqlockdep::benchmark
