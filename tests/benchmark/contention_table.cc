#include "tests/benchmark/contention_table.h"

#include <array>
#include <cstddef>
#include <utility>

#include "tests/benchmark/samples.h"
#include "tests/benchmark/statistics.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/turns.h"
#include "tests/benchmark/verdicts.h"

namespace rqlockdep::benchmark {
namespace {

constexpr std::array<double, 5> kFractions = {0.5, 0.99, 0.999, 0.9999, 1};
constexpr size_t kRated = 2;  // the 99.9th percentile, of which there is a ratio

struct Measured {
  Samples throughput;
  Samples fairness;
  std::array<Samples, kFractions.size()> waits;
};

Measured Measure(const ContentionPlan& plan, ContentionSetup setup, Verdicts& verdicts) {
  Measured measured;
  for (int round = 0; round < plan.rounds; ++round) {
    for (const size_t i : OrderOfRound(plan.contenders.size(), round)) {
      const Contender& contender = plan.contenders[i];
      setup.time_waits = false;
      const ContentionResult result = contender.contend(setup);
      verdicts.Add(contender.name, result);
      measured.throughput.Add(contender.name, result.operations_per_second / 1e6);
      measured.fairness.Add(contender.name, JainIndex(result.shares));
      if (!plan.waits) continue;
      setup.time_waits = true;
      const ContentionResult timed = contender.contend(setup);
      verdicts.Add(contender.name, timed);
      for (size_t k = 0; k < kFractions.size(); ++k) {
        const auto ticks = static_cast<double>(timed.waits.Percentile(kFractions[k]));
        measured.waits[k].Add(contender.name, ticks * NanosecondsPerTick());
      }
    }
  }
  return measured;
}

void PrintTable(const ContentionPlan& plan, const Measured& measured, std::ostream& out) {
  std::vector<std::string> header = {"lock", "Mops/s", "x std_mutex", "Jain"};
  if (plan.waits) {
    header.insert(header.end(), {"50%", "99%", "99.9%", "99.99%", "longest", "99.9%: x std_mutex"});
  }
  Table table(header);
  for (const Contender& contender : plan.contenders) {
    const std::string& name = contender.name;
    std::vector<std::string> cells = {name, Digits(measured.throughput.MedianOf(name)),
                                      Ratio(measured.throughput.RatioOf(name, "std_mutex")),
                                      Digits(measured.fairness.MedianOf(name))};
    if (plan.waits) {
      for (const Samples& wait : measured.waits) cells.push_back(Duration(wait.MedianOf(name)));
      cells.push_back(Ratio(measured.waits[kRated].RatioOf(name, "std_mutex")));
    }
    table.AddRow(std::move(cells));
  }
  table.Print(out, plan.markdown);
}

}  // namespace

bool PrintContention(const ContentionPlan& plan, std::ostream& out) {
  Verdicts verdicts;
  for (const int threads : plan.threads) {
    ContentionSetup setup = plan.setup;
    setup.threads = threads;
    const Measured measured = Measure(plan, setup, verdicts);
    out << '\n' << threads << " threads:\n\n";
    PrintTable(plan, measured, out);
    out << std::flush;
  }
  return verdicts.Print(out);
}

}  // namespace rqlockdep::benchmark
