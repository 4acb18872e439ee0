// The rows "short" and "long".
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/statistics.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/verdicts.h"

namespace rqlockdep::benchmark {
namespace {

constexpr double kOutsideNanoseconds = 74;
constexpr double kLongSectionNanoseconds = 700;

constexpr std::array<double, 5> kFractions = {0.5, 0.99, 0.999, 0.9999, 1};
constexpr size_t kRated = 2;  // the 99.9th percentile, of which there is a ratio

struct Measured {
  Samples throughput;
  Samples fairness;
  std::array<Samples, kFractions.size()> waits;
};

Measured Measure(const Options& options, ContentionSetup setup, Verdicts& verdicts) {
  Measured measured;
  for (int round = 0; round < options.rounds; ++round) {
    for (const size_t i : OrderOfRound(options.contestants.size(), round)) {
      const Contestant& contestant = options.contestants[i];
      setup.time_waits = false;
      const ContentionResult result = contestant.contend(setup);
      verdicts.Add(contestant.name, result);
      measured.throughput.Add(contestant.name, result.operations_per_second / 1e6);
      measured.fairness.Add(contestant.name, JainIndex(result.shares));
      if (!options.waits) continue;
      setup.time_waits = true;
      const ContentionResult timed = contestant.contend(setup);
      verdicts.Add(contestant.name, timed);
      for (size_t k = 0; k < kFractions.size(); ++k) {
        const auto ticks = static_cast<double>(timed.waits.Percentile(kFractions[k]));
        measured.waits[k].Add(contestant.name, ticks * NanosecondsPerTick());
      }
    }
  }
  return measured;
}

bool CrowdedRow(const Options& options, double inside_nanoseconds, std::ostream& out) {
  ContentionSetup setup;
  setup.outside_steps = StepsFor(kOutsideNanoseconds);
  setup.inside_steps = StepsFor(inside_nanoseconds);
  setup.length = std::chrono::duration<double>(options.seconds);
  out << kOutsideNanoseconds << " ns outside, threads not pinned, " << options.rounds
      << " rounds of " << Digits(options.seconds)
      << " s; percentiles are of the wait for one acquisition\n";

  Verdicts verdicts;
  for (const int threads : options.threads) {
    setup.threads = threads;
    const Measured measured = Measure(options, setup, verdicts);
    out << '\n' << threads << " threads:\n\n";
    std::vector<std::string> header = {"lock", "Mops/s", "x std_mutex", "Jain"};
    if (options.waits) {
      header.insert(header.end(),
                    {"50%", "99%", "99.9%", "99.99%", "longest", "99.9%: x std_mutex"});
    }
    Table table(header);
    for (const Contestant& contestant : options.contestants) {
      const std::string& name = contestant.name;
      std::vector<std::string> cells = {name, Digits(measured.throughput.MedianOf(name)),
                                        Ratio(measured.throughput.RatioOf(name, "std_mutex")),
                                        Digits(measured.fairness.MedianOf(name))};
      if (options.waits) {
        for (const Samples& wait : measured.waits) cells.push_back(Duration(wait.MedianOf(name)));
        cells.push_back(Ratio(measured.waits[kRated].RatioOf(name, "std_mutex")));
      }
      table.AddRow(std::move(cells));
    }
    table.Print(out, options.markdown);
    out << std::flush;
  }
  return verdicts.Print(out);
}

}  // namespace

bool ShortRow(const Options& options, std::ostream& out) {
  out << "short: more threads, short section, ";
  return CrowdedRow(options, 0, out);
}

bool LongRow(const Options& options, std::ostream& out) {
  out << "long: more threads, section of " << kLongSectionNanoseconds << " ns, ";
  return CrowdedRow(options, kLongSectionNanoseconds, out);
}

}  // namespace rqlockdep::benchmark
