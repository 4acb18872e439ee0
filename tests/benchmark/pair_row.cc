#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/processors.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/verdicts.h"

namespace rqlockdep::benchmark {
namespace {

constexpr double kOutsideNanoseconds = 74;

// The rounds with the processors in one placement.
struct Placement {
  const char* name;
  int rounds = 0;
  std::vector<double> round_trips = {};
  Samples throughput = {};
};

// By the probes before and after a round.
size_t PlacementOf(double before, double after, double near_below) {
  const bool near_before = before < near_below;
  const bool near_after = after < near_below;
  return near_before != near_after ? 2 : (near_before ? 0 : 1);
}

}  // namespace

bool PairRow(const Options& options, std::ostream& out) {
  const std::vector<int> processors = AllowedProcessors();
  out << "pair: 2 threads on 2 processors, short section, " << kOutsideNanoseconds
      << " ns outside\n";
  if (processors.size() < 2) {
    out << "skipped: there is only one processor\n";
    return true;
  }
  ContentionSetup setup;
  setup.threads = 2;
  setup.processors = {processors[0], processors[1]};
  setup.outside_steps = StepsFor(kOutsideNanoseconds);
  setup.length = std::chrono::duration<double>(options.seconds);

  std::array<Placement, 3> placements = {Placement{"near"}, Placement{"far"},
                                         Placement{"changed within the round"}};
  Verdicts verdicts;
  for (int round = 0; round < options.rounds; ++round) {
    const double before = RoundTripNanoseconds(processors[0], processors[1]);
    std::vector<std::pair<std::string, double>> results;
    for (const size_t i : OrderOfRound(options.contestants.size(), round)) {
      const Contestant& contestant = options.contestants[i];
      const ContentionResult result = contestant.contend(setup);
      verdicts.Add(contestant.name, result);
      results.emplace_back(contestant.name, result.operations_per_second / 1e6);
    }
    const double after = RoundTripNanoseconds(processors[0], processors[1]);
    Placement& placement = placements[PlacementOf(before, after, options.near_nanoseconds)];
    ++placement.rounds;
    placement.round_trips.push_back(before);
    placement.round_trips.push_back(after);
    for (const auto& [name, throughput] : results) placement.throughput.Add(name, throughput);
  }

  for (const Placement& placement : placements) {
    if (placement.rounds == 0) continue;
    const double round_trip = Median(placement.round_trips);
    out << "\nprocessors " << placement.name << ": " << placement.rounds << " of " << options.rounds
        << " rounds; ";
    if (std::isnan(round_trip)) {
      out << "could not pin threads, so this is unknown\n\n";
    } else {
      out << "a cache line takes " << Digits(round_trip)
          << " ns there and back, by ping-pong before and after each round; near is below "
          << Digits(options.near_nanoseconds) << " ns\n\n";
    }
    Table table({"lock", "Mops/s", "x pthread_spin", "x std_mutex"});
    for (const Contestant& contestant : options.contestants) {
      const std::string& name = contestant.name;
      table.AddRow({name, Digits(placement.throughput.MedianOf(name)),
                    Ratio(placement.throughput.RatioOf(name, "pthread_spin")),
                    Ratio(placement.throughput.RatioOf(name, "std_mutex"))});
    }
    table.Print(out, options.markdown);
  }
  return verdicts.Print(out);
}

}  // namespace rqlockdep::benchmark
