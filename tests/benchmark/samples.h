// What was measured of each contestant, round by round, and its ratio to another.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_SAMPLES_H_
#define RQLOCKDEP_TESTS_BENCHMARK_SAMPLES_H_

#include <map>
#include <string>
#include <vector>

#include "tests/benchmark/statistics.h"

namespace rqlockdep::benchmark {

class Samples {
 public:
  // Once for each contestant in each round.
  void Add(const std::string& name, double sample) { by_name_[name].push_back(sample); }

  double MedianOf(const std::string& name) const { return Median(Of(name)); }
  double QuantileOf(const std::string& name, double quantile) const {
    return Quantile(Of(name), quantile);
  }
  // The median over the rounds of the ratio in each round. NaN if either was not measured.
  double RatioOf(const std::string& name, const std::string& base) const {
    return MedianRatio(Of(name), Of(base));
  }
  // A quantile of it over the rounds.
  double RatioOf(const std::string& name, const std::string& base, double quantile) const {
    return Quantile(Ratios(Of(name), Of(base)), quantile);
  }
  // The median of the difference.
  double DifferenceOf(const std::string& name, const std::string& base) const {
    return MedianDifference(Of(name), Of(base));
  }
  // A quantile of it over the rounds.
  double DifferenceOf(const std::string& name, const std::string& base, double quantile) const {
    return Quantile(Differences(Of(name), Of(base)), quantile);
  }

 private:
  const std::vector<double>& Of(const std::string& name) const {
    static const auto* none = new std::vector<double>();
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? *none : found->second;
  }

  std::map<std::string, std::vector<double>> by_name_;
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_SAMPLES_H_
