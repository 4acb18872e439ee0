#include <algorithm>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/validated_locks.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr size_t kEdgesPerClass = 5;

uint64_t NextRandom(uint64_t& state) {
  state = state * 6364136223846793005 + 1442695040888963407;
  return state >> 33;
}

// Random pairs along an order that has nothing to do with the order of making.
class RandomEdges {
 public:
  explicit RandomEdges(size_t classes) : order_(classes) {
    for (size_t i = 0; i < classes; ++i) order_[i] = i;
    for (size_t i = classes; i > 1; --i) std::swap(order_[i - 1], order_[NextRandom(random_) % i]);
  }
  // One that was not returned before.
  std::pair<size_t, size_t> Next() {
    for (;;) {
      const size_t a = NextRandom(random_) % order_.size();
      const size_t b = NextRandom(random_) % order_.size();
      if (a == b || !known_.insert({std::min(a, b), std::max(a, b)}).second) continue;
      return {order_[std::min(a, b)], order_[std::max(a, b)]};
    }
  }

 private:
  std::vector<size_t> order_;
  std::set<std::pair<size_t, size_t>> known_;
  uint64_t random_ = 1;
};

}  // namespace

void EdgesRow(const ValidatorRowOptions& options, std::ostream& out) {
  const auto count = static_cast<size_t>(options.classes);
  std::deque<LockClass>& classes = NewClasses(count);
  std::deque<ValidatedMutex> locks;
  for (size_t i = 0; i < count; ++i) locks.emplace_back(classes[i]);
  RandomEdges edges(count);
  std::vector<double> microseconds;
  const size_t in_graph = kEdgesPerClass * count;
  const size_t measured = count;
  for (size_t i = 0; i < in_graph + measured; ++i) {
    const auto [outer, inner] = edges.Next();
    locks[outer].Lock();
    const uint64_t begin = Ticks();
    locks[inner].Lock();
    const uint64_t ticks = Ticks() - begin;
    locks[inner].Unlock();
    locks[outer].Unlock();
    if (i >= in_graph) {
      microseconds.push_back(static_cast<double>(ticks) * NanosecondsPerTick() / 1000);
    }
  }
  std::sort(microseconds.begin(), microseconds.end());
  out << "edges: an acquisition of std::mutex that adds an edge to a graph of " << count
      << " classes and " << in_graph << " to " << in_graph + measured << " edges without a cycle, "
      << measured << " times\n\n";
  Table table({"", "us"});
  const auto quantile = [&](double share) {
    return Digits(microseconds[static_cast<size_t>(share * static_cast<double>(measured - 1))]);
  };
  table.AddRow({"median", quantile(0.5)});
  table.AddRow({"90 %", quantile(0.9)});
  table.AddRow({"99 %", quantile(0.99)});
  table.AddRow({"99.9 %", quantile(0.999)});
  table.AddRow({"longest", quantile(1)});
  table.Print(out, options.markdown);
}

}  // namespace rqlockdep::benchmark
