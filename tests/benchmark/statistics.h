// What the benchmarks make of their samples. Pure functions.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_STATISTICS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_STATISTICS_H_

#include <cstdint>
#include <vector>

namespace rqlockdep::benchmark {

// The middle one, or the mean of the two middle ones, of those that are not NaN: a NaN stands for
// what could not be measured. NaN if there are none.
double Median(std::vector<double> samples);

// The smallest sample that at least this share of the samples does not exceed, of those that are
// not NaN. NaN if there are none. `share` is above 0 and at most 1.
double Quantile(std::vector<double> samples, double share);

// a[i] / b[i] for each i: samples of one index are neighbours in time, so what slows down both
// cancels out. Empty if either is empty; they have to be of one size.
std::vector<double> Ratios(const std::vector<double>& a, const std::vector<double>& b);
// Their median. NaN if either is empty.
double MedianRatio(const std::vector<double>& a, const std::vector<double>& b);

// a[i] - b[i] for each i. Empty if either is empty.
std::vector<double> Differences(const std::vector<double>& a, const std::vector<double>& b);
// Their median.
double MedianDifference(const std::vector<double>& a, const std::vector<double>& b);

// Jain's fairness index of the shares that each got: (sum x)^2 / (n * sum x^2). 1 if all are equal,
// 1/n if one got everything. NaN if nobody got anything.
double JainIndex(const std::vector<uint64_t>& shares);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_STATISTICS_H_
