#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/benchmark/samples.h"
#include "tests/benchmark/second_thread.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/ticks.h"
#include "tests/benchmark/turns.h"
#include "tests/benchmark/validated_locks.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr size_t kPartners = 4;

uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

class Scattered {
 public:
  virtual ~Scattered() = default;
  // Nanoseconds for each of `pairs` random pairs: two acquisitions, two releases.
  virtual double Run(int pairs) = 0;
};

template <typename Lock>
class ScatteredLocks : public Scattered {
 public:
  explicit ScatteredLocks(size_t count) : classes_(NewClasses(count)) {
    uint64_t random = 1;
    for (size_t i = 0; i < count; ++i) locks_.emplace_back(classes_[i]);
    for (size_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < kPartners; ++k) {
        // One that comes later in the order; the last has none but itself.
        const size_t partner = i + 1 < count ? i + 1 + NextRandom(random) % (count - i - 1) : i;
        partners_.push_back(static_cast<uint32_t>(partner));
        Pair(i, partner);
      }
    }
  }
  double Run(int pairs) override {
    Prepare<Lock>();
    // Chosen beforehand, so that only locks are timed.
    std::vector<std::pair<uint32_t, uint32_t>> chosen;
    for (int i = 0; i < pairs; ++i) {
      const size_t first = NextRandom(random_) % (locks_.size() - 1);
      chosen.emplace_back(first, partners_[first * kPartners + NextRandom(random_) % kPartners]);
    }
    const uint64_t begin = Ticks();
    for (const auto& [first, second] : chosen) Pair(first, second);
    return static_cast<double>(Ticks() - begin) * NanosecondsPerTick() / pairs;
  }

 private:
  void Pair(size_t first, size_t second) {
    if (first == second) return;
    locks_[first].Lock();
    locks_[second].Lock();
    locks_[second].Unlock();
    locks_[first].Unlock();
  }

  std::deque<LockClass>& classes_;
  std::deque<Lock> locks_;
  std::vector<uint32_t> partners_;
  uint64_t random_ = 2;
};

// A row for what `of` gives of the nested pairs: the median, or a quantile.
template <typename Of>
void AddRow(Table& table, const std::string& name, int count, Of of) {
  const double median = of(0.5);
  table.AddRow({name, std::to_string(count), Digits(median), Digits(of(0.1)), Digits(of(0.9)),
                Digits(median / 2)});
}

}  // namespace

void ScatteredRow(const ValidatorRowOptions& options, std::ostream& out) {
  const SecondThread second_thread;
  Table table({"lock", "instances", "ns a nested pair", "10 %", "90 %", "ns a lock"});
  for (const int count : options.instances) {
    const auto size = static_cast<size_t>(count);
    std::vector<std::pair<std::string, std::unique_ptr<Scattered>>> contestants;
    contestants.emplace_back("std_mutex", std::make_unique<ScatteredLocks<PlainMutex>>(size));
    contestants.emplace_back("validated_mutex",
                             std::make_unique<ScatteredLocks<ValidatedMutex>>(size));
    contestants.emplace_back("resilient_off",
                             std::make_unique<ScatteredLocks<BareResilient>>(size));
    contestants.emplace_back("resilient_on", std::make_unique<ScatteredLocks<Resilient>>(size));
    Samples samples;
    for (int round = 0; round < options.rounds; ++round) {
      for (const size_t i : OrderOfRound(contestants.size(), round)) {
        samples.Add(contestants[i].first, contestants[i].second->Run(options.pairs));
      }
    }
    for (const auto& [name, locks] : contestants) {
      AddRow(table, name, count, [&, who = name](double q) { return samples.QuantileOf(who, q); });
    }
    AddRow(table, "added, std::mutex", count,
           [&](double q) { return samples.DifferenceOf("validated_mutex", "std_mutex", q); });
    AddRow(table, "added, resilient", count,
           [&](double q) { return samples.DifferenceOf("resilient_on", "resilient_off", q); });
  }
  out << "scattered: one lock inside another, at random, of as many classes as instances, with "
      << kPartners << " partners each, all orders known; a nested pair is two acquisitions and two "
      << "releases, a lock one of each\n\n";
  table.Print(out, options.markdown);
}

}  // namespace rqlockdep::benchmark
