#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmark/held_pairs.h"
#include "tests/benchmark/processors.h"
#include "tests/benchmark/samples.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/turns.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr int kDepth = 4;

// Ticks of the slower of `count` threads that begin at one time.
uint64_t RunThreads(const HeldPairs& contestant, int count, int pairs) {
  const std::vector<int> processors = AllowedProcessors();
  std::atomic<int> waiting{count};
  std::vector<uint64_t> ticks(static_cast<size_t>(count));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < ticks.size(); ++i) {
    threads.emplace_back([&, i] {
      PinTo(processors[i % processors.size()]);
      contestant.run(kDepth, 100);
      waiting.fetch_sub(1);
      while (waiting.load() > 0) {
      }
      ticks[i] = contestant.run(kDepth, pairs);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return *std::max_element(ticks.begin(), ticks.end());
}

}  // namespace

void ThreadsRow(const ValidatorRowOptions& options, std::ostream& out) {
  const std::vector<HeldPairs>& contestants = AllHeldPairs();
  Samples one;
  Samples two;
  Samples both;
  for (int round = 0; round < options.rounds; ++round) {
    for (const size_t i : OrderOfRound(contestants.size(), round)) {
      const std::string name = contestants[i].name;
      const auto nanoseconds = [&](int count) {
        return static_cast<double>(RunThreads(contestants[i], count, options.pairs)) *
               NanosecondsPerTick() / options.pairs;
      };
      const double alone = nanoseconds(1);
      const double together = nanoseconds(2);
      one.Add(name, alone);
      two.Add(name, together);
      both.Add(name + "1", alone);
      both.Add(name + "2", together);
    }
  }
  out << "threads: the same with " << kDepth
      << " locks held, in one thread and in two at once, each on a processor of its own with locks "
         "of its own of the same classes; ns of the slower thread\n\n";
  Table table({"lock", "1 thread", "2 threads", "x 1 thread"});
  for (const HeldPairs& contestant : contestants) {
    const std::string name = contestant.name;
    table.AddRow({name, Digits(one.MedianOf(name)), Digits(two.MedianOf(name)),
                  Ratio(both.RatioOf(name + "2", name + "1"))});
  }
  for (const Added& added : AllAdded()) {
    table.AddRow({added.title, Digits(one.DifferenceOf(added.with, added.without)),
                  Digits(two.DifferenceOf(added.with, added.without)), "-"});
  }
  table.Print(out, options.markdown);
}

}  // namespace rqlockdep::benchmark
