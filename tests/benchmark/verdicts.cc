#include "tests/benchmark/verdicts.h"

namespace rqlockdep::benchmark {

void Verdicts::Add(const std::string& name, const ContentionResult& result) {
  Counts& counts = counts_[name];
  if (!result.excluded) ++counts.not_excluded;
  counts.deadlocks += result.deadlocks;
  counts.timeouts += result.timeouts;
}

bool Verdicts::Print(std::ostream& out) const {
  bool good = true;
  for (const auto& [name, counts] : counts_) {
    if (counts.not_excluded != 0) {
      out << "VIOLATION: " << name << " lost increments in " << counts.not_excluded << " rounds\n";
      good = false;
    }
    if (counts.deadlocks != 0) {
      out << "VIOLATION: " << name << " found " << counts.deadlocks << " false deadlocks\n";
      good = false;
    }
    if (counts.timeouts != 0) {
      out << name << ": " << counts.timeouts << " acquisitions passed the default limit\n";
    }
  }
  return good;
}

}  // namespace rqlockdep::benchmark
