#include <cstdint>

#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/second_thread.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

// A slice is short beside a scheduler's time slice, so most are not disturbed at all.
constexpr int64_t kPairsPerSlice = 20'000;
constexpr int kSlicesPerRound = 50;

}  // namespace

bool UncontendedRow(const Options& options, std::ostream& out) {
  const SecondThread second_thread;
  const int slices = options.rounds * kSlicesPerRound;
  Samples nanoseconds;
  for (const Contestant& contestant : options.contestants) {
    contestant.uncontended_ticks(kPairsPerSlice);  // warms up
  }
  for (int slice = 0; slice < slices; ++slice) {
    for (const size_t i : OrderOfRound(options.contestants.size(), slice)) {
      const Contestant& contestant = options.contestants[i];
      const auto ticks = static_cast<double>(contestant.uncontended_ticks(kPairsPerSlice));
      nanoseconds.Add(contestant.name, ticks * NanosecondsPerTick() / kPairsPerSlice);
    }
  }

  out << "uncontended: acquire and release in a tight loop, " << slices << " slices of "
      << kPairsPerSlice << " pairs\n\n";
  Table table({"lock", "ns", "x bare_xchg", "x pthread_spin"});
  for (const Contestant& contestant : options.contestants) {
    table.AddRow({contestant.name, Digits(nanoseconds.MedianOf(contestant.name)),
                  Ratio(nanoseconds.RatioOf(contestant.name, "bare_xchg")),
                  Ratio(nanoseconds.RatioOf(contestant.name, "pthread_spin"))});
  }
  table.Print(out, options.markdown);
  return true;
}

}  // namespace rqlockdep::benchmark
