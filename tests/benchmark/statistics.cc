#include "tests/benchmark/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace rqlockdep::benchmark {

double Median(std::vector<double> samples) {
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (samples.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(samples.begin(), samples.end());
  const size_t middle = samples.size() / 2;
  if (samples.size() % 2 != 0) return samples[middle];
  return (samples[middle - 1] + samples[middle]) / 2;
}

double Quantile(std::vector<double> samples, double share) {
  assert(share > 0 && share <= 1);
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (samples.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<size_t>(std::ceil(share * static_cast<double>(samples.size()))) - 1];
}

std::vector<double> Ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  if (a.empty() || b.empty()) return ratios;
  assert(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return ratios;
}

double MedianRatio(const std::vector<double>& a, const std::vector<double>& b) {
  return Median(Ratios(a, b));
}

std::vector<double> Differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> differences;
  if (a.empty() || b.empty()) return differences;
  assert(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return differences;
}

double MedianDifference(const std::vector<double>& a, const std::vector<double>& b) {
  return Median(Differences(a, b));
}

double JainIndex(const std::vector<uint64_t>& shares) {
  double sum = 0;
  double squares = 0;
  for (const uint64_t share : shares) {
    const auto x = static_cast<double>(share);
    sum += x;
    squares += x * x;
  }
  if (squares == 0) return std::numeric_limits<double>::quiet_NaN();
  return sum * sum / (static_cast<double>(shares.size()) * squares);
}

}  // namespace rqlockdep::benchmark
