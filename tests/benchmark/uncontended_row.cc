#include <cstdint>
#include <utility>

#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/second_thread.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

// A slice is short beside a scheduler's time slice, so most are not disturbed at all.
constexpr int64_t kPairsPerSlice = 5'000;
constexpr int kSlicesPerRound = 25;

constexpr std::pair<Surroundings, const char*> kAllSurroundings[] = {
    {Surroundings::kTightLoop, "acquire and release in a tight loop"},
    {Surroundings::kCalls, "by function calls"},
    {Surroundings::kSection, "around three increments"},
    {Surroundings::kApart, "around three increments, some 20 ns apart"},
};

void Measure(const Options& options, Surroundings surroundings, int slices, Samples* nanoseconds) {
  for (const Contestant& contestant : options.contestants) {
    contestant.uncontended_ticks(surroundings, kPairsPerSlice);  // warms up
  }
  for (int slice = 0; slice < slices; ++slice) {
    for (const size_t i : OrderOfRound(options.contestants.size(), slice)) {
      const Contestant& contestant = options.contestants[i];
      const auto ticks =
          static_cast<double>(contestant.uncontended_ticks(surroundings, kPairsPerSlice));
      nanoseconds->Add(contestant.name, ticks * NanosecondsPerTick() / kPairsPerSlice);
    }
  }
}

}  // namespace

bool UncontendedRow(const Options& options, std::ostream& out) {
  const SecondThread second_thread;
  const int slices = options.rounds * kSlicesPerRound;
  for (const auto& [surroundings, description] : kAllSurroundings) {
    Samples nanoseconds;
    Measure(options, surroundings, slices, &nanoseconds);
    out << "uncontended: " << description << ", " << slices << " slices of " << kPairsPerSlice
        << " pairs\n\n";
    Table table({"lock", "ns", "x bare_xchg", "of 10%", "of 90%", "x pthread_spin"});
    for (const Contestant& contestant : options.contestants) {
      const std::string& name = contestant.name;
      table.AddRow({name, Digits(nanoseconds.MedianOf(name)),
                    Ratio(nanoseconds.RatioOf(name, "bare_xchg")),
                    Ratio(nanoseconds.RatioOf(name, "bare_xchg", 0.1)),
                    Ratio(nanoseconds.RatioOf(name, "bare_xchg", 0.9)),
                    Ratio(nanoseconds.RatioOf(name, "pthread_spin"))});
    }
    table.Print(out, options.markdown);
    out << '\n';
  }
  return true;
}

}  // namespace rqlockdep::benchmark
