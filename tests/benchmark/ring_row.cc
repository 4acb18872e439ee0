#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>

#include "tests/benchmark/ring.h"
#include "tests/benchmark/ring_locks.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/table.h"

namespace rqlockdep::benchmark {
namespace {

struct Side {
  RingLocks& locks;
  const char* name;
  int wrong = 0;  // repetitions without exactly one victim, or with any other failure
};

void CloseOnce(Ring& ring, Side& side, Samples* times) {
  const RingResult result = ring.Close(side.locks);
  if (result.victims != 1 || result.failures != 0) ++side.wrong;
  if (times != nullptr) times->Add(side.name, result.nanoseconds);
}

}  // namespace

bool RingRow(const Options& options, std::ostream& out) {
  out << "ring: each thread holds a lock and waits for the next; time from the closing attempt "
         "until the victim has its error, "
      << options.repetitions << " repetitions\n\n";
  Table table({"threads", "resilient", "FUTEX_LOCK_PI", "resilient x FUTEX_LOCK_PI"});
  std::string violations;
  bool good = true;
  for (const int size : options.rings) {
    const auto count = static_cast<size_t>(size);
    ResilientRingLocks resilient_locks(count);
    PiFutexRingLocks kernel_locks(count);
    Side sides[] = {{resilient_locks, "resilient"}, {kernel_locks, "kernel"}};
    Samples times;
    Ring ring(count);
    for (Side& side : sides) CloseOnce(ring, side, nullptr);  // warms up
    for (int i = 0; i < options.repetitions; ++i) {
      CloseOnce(ring, sides[i % 2], &times);
      CloseOnce(ring, sides[1 - i % 2], &times);
    }
    table.AddRow({std::to_string(size), Duration(times.MedianOf("resilient")),
                  Duration(times.MedianOf("kernel")), Ratio(times.RatioOf("resilient", "kernel"))});
    for (const Side& side : sides) {
      if (side.wrong == 0) continue;
      good = false;
      violations += "VIOLATION: ring of " + std::to_string(size) + ", " + side.name + ": " +
                    std::to_string(side.wrong) + " times not exactly one victim\n";
    }
  }
  table.Print(out, options.markdown);
  out << violations;
  return good;
}

}  // namespace rqlockdep::benchmark
