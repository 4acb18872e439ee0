#include "tests/benchmark/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/benchmark/wait_histogram.h"

namespace rqlockdep::benchmark {
namespace {

constexpr double kFractions[] = {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};

// Nearest rank: the definition, on the sorted values.
uint64_t ReferencePercentile(const std::vector<uint64_t>& sorted, double fraction) {
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  return sorted[rank == 0 ? 0 : rank - 1];
}

void ExpectPercentilesOf(std::vector<uint64_t> values, const WaitHistogram& histogram) {
  std::sort(values.begin(), values.end());
  ASSERT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max(), values.back());
  for (const double fraction : kFractions) {
    const uint64_t reference = ReferencePercentile(values, fraction);
    const uint64_t got = histogram.Percentile(fraction);
    EXPECT_GE(got, reference) << fraction;
    EXPECT_LE(got - reference, reference / 32) << fraction;
  }
}

TEST(WaitHistogramTest, AgreesWithSortedValuesOfEveryMagnitude) {
  std::mt19937_64 random(20250611);
  for (int round = 0; round < 200; ++round) {
    const size_t count = 1 + random() % 20'000;
    WaitHistogram histogram;
    std::vector<uint64_t> values;
    for (size_t i = 0; i < count; ++i) {
      values.push_back(random() >> (random() % 64));
      histogram.Add(values.back());
    }
    ExpectPercentilesOf(std::move(values), histogram);
  }
}

TEST(WaitHistogramTest, AgreesWithSortedValuesOfALongTail) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> waits(5, 3);
  WaitHistogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 300'000; ++i) {
    values.push_back(static_cast<uint64_t>(waits(random)));
    histogram.Add(values.back());
  }
  ExpectPercentilesOf(std::move(values), histogram);
}

TEST(WaitHistogramTest, KeepsSmallValuesExactly) {
  for (uint64_t value = 0; value < 64; ++value) {
    WaitHistogram histogram;
    histogram.Add(value);
    histogram.Add(1'000'000);  // so that the maximum does not hide a rounding
    EXPECT_EQ(histogram.Percentile(0.5), value);
  }
}

TEST(WaitHistogramTest, TakesTheLargestValue) {
  WaitHistogram histogram;
  histogram.Add(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(histogram.Percentile(0.5), std::numeric_limits<uint64_t>::max());
}

TEST(WaitHistogramTest, IsZeroWhenEmpty) {
  const WaitHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Percentile(0.99), 0u);
}

TEST(WaitHistogramTest, MergesToWhatOneWouldHaveSeen) {
  std::mt19937_64 random(3);
  WaitHistogram parts[3];
  std::vector<uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(random() >> (random() % 64));
    parts[random() % 3].Add(values.back());
  }
  parts[0].Merge(parts[1]);
  parts[0].Merge(parts[2]);
  ExpectPercentilesOf(std::move(values), parts[0]);
}

TEST(JainIndexTest, IsOneIfAllAreEqualWhateverTheAmount) {
  EXPECT_DOUBLE_EQ(JainIndex({5, 5, 5, 5}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({1'000'000'007, 1'000'000'007}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({3}), 1);
}

TEST(JainIndexTest, IsTheShareOfThoseServedIfTheyAreServedEqually) {
  EXPECT_DOUBLE_EQ(JainIndex({9, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(JainIndex({9, 9, 0, 0, 0}), 0.4);
}

TEST(JainIndexTest, IsAsDefined) {
  EXPECT_DOUBLE_EQ(JainIndex({1, 2, 3}), 36.0 / (3 * 14));
  EXPECT_TRUE(std::isnan(JainIndex({0, 0})));
  EXPECT_TRUE(std::isnan(JainIndex({})));
}

TEST(MedianTest, IsTheMiddle) {
  EXPECT_DOUBLE_EQ(Median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(Median({4, 1, 100, 2}), 3);
  EXPECT_TRUE(std::isnan(Median({})));
  EXPECT_DOUBLE_EQ(Median({std::nan(""), 3, std::nan(""), 1, 2}), 2);
  EXPECT_TRUE(std::isnan(Median({std::nan("")})));
}

TEST(QuantileTest, IsASampleThatTheShareDoesNotExceed) {
  EXPECT_DOUBLE_EQ(Quantile({4, 3, 2, 1}, 0.25), 1);
  EXPECT_DOUBLE_EQ(Quantile({5, 4, 3, 2, 1}, 0.25), 2);
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.75), 3);
  EXPECT_DOUBLE_EQ(Quantile({4, 1, std::nan(""), 3, 2}, 1), 4);
  EXPECT_TRUE(std::isnan(Quantile({}, 0.5)));
}

TEST(MedianTest, OfRatiosPairsNeighbours) {
  // The machine is ten times slower in the second round; the ratio is the same.
  EXPECT_DOUBLE_EQ(MedianRatio({2, 20, 4}, {1, 10, 2}), 2);
  // Not the ratio of the medians, which is 1.
  EXPECT_DOUBLE_EQ(MedianRatio({1, 2, 9}, {2, 9, 1}), 0.5);
  EXPECT_TRUE(std::isnan(MedianRatio({1}, {})));
  EXPECT_EQ(Ratios({2, 20, 4}, {1, 5, 4}), (std::vector<double>{2, 4, 1}));
}

TEST(Statistics, ADifferenceIsTakenWithinARound) {
  EXPECT_DOUBLE_EQ(MedianDifference({2, 20, 4}, {1, 10, 2}), 2);
  // Not the difference of the medians, which is 0.
  EXPECT_DOUBLE_EQ(MedianDifference({1, 2, 9}, {2, 9, 1}), -1);
  EXPECT_TRUE(std::isnan(MedianDifference({}, {1})));
}

}  // namespace
}  // namespace rqlockdep::benchmark
