#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmark/held_pairs.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/second_thread.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/turns.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr int kDepths[] = {1, 2, 4, 8, 16};

std::string Key(const std::string& name, int depth) { return name + std::to_string(depth); }

}  // namespace

void DepthRow(const ValidatorRowOptions& options, std::ostream& out) {
  const SecondThread second_thread;
  const std::vector<HeldPairs>& contestants = AllHeldPairs();
  Samples nanoseconds;
  for (int round = -1; round < options.rounds; ++round) {  // the first warms up
    for (const int depth : kDepths) {
      for (const size_t i : OrderOfRound(contestants.size(), round + 1)) {
        const uint64_t ticks = contestants[i].run(depth, options.pairs);
        if (round < 0) continue;
        nanoseconds.Add(Key(contestants[i].name, depth),
                        static_cast<double>(ticks) * NanosecondsPerTick() / options.pairs);
      }
    }
  }
  out << "depth: acquire and release in a tight loop, ns by the number of locks held, "
      << options.rounds << " slices of " << options.pairs << " pairs\n\n";
  Table table({"lock", "1", "2", "4", "8", "16"});
  const auto add_row = [&](const std::string& title, const auto& cell) {
    std::vector<std::string> row = {title};
    for (const int depth : kDepths) row.push_back(Digits(cell(depth)));
    table.AddRow(row);
  };
  for (const HeldPairs& contestant : contestants) {
    add_row(contestant.name,
            [&](int depth) { return nanoseconds.MedianOf(Key(contestant.name, depth)); });
  }
  for (const Added& added : AllAdded()) {
    add_row(added.title, [&](int depth) {
      return nanoseconds.DifferenceOf(Key(added.with, depth), Key(added.without, depth));
    });
  }
  for (const double quantile : {0.25, 0.75}) {
    for (const Added& added : AllAdded()) {
      add_row(added.title + std::string(quantile < 0.5 ? ", 25 %" : ", 75 %"), [&](int depth) {
        return nanoseconds.DifferenceOf(Key(added.with, depth), Key(added.without, depth),
                                        quantile);
      });
    }
  }
  table.Print(out, options.markdown);
}

}  // namespace rqlockdep::benchmark
