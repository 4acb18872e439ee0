// WaitHistogram: how long each of very many waits took. Adding one costs a few instructions and no
// allocation, the same for a short wait and a long one, so that it disturbs every lock alike.
//
// Values of any unit up to 2^64 - 1. Those below 64 are kept exactly; above, each power of two is
// divided into 32 buckets, so a percentile is at most 1/32 too large and never too small. 15 KiB.
//
// Not synchronised: each thread fills its own, and they are merged afterwards.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_WAIT_HISTOGRAM_H_
#define RQLOCKDEP_TESTS_BENCHMARK_WAIT_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rqlockdep::benchmark {

class WaitHistogram {
 public:
  void Add(uint64_t value) {
    ++buckets_[BucketOf(value)];
    ++count_;
    if (value > max_) max_ = value;
  }
  void Merge(const WaitHistogram& other);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  // The value which at least `fraction` (0 to 1) of all are not above, by nearest rank, rounded up
  // to the end of its bucket. 0 if there are none.
  uint64_t Percentile(double fraction) const;

 private:
  static constexpr int kBucketBits = 5;
  static constexpr size_t kBucketsPerOctave = size_t{1} << kBucketBits;
  static constexpr size_t kBuckets = (64 - kBucketBits + 1) * kBucketsPerOctave;

  static size_t BucketOf(uint64_t value) {
    if (value < 2 * kBucketsPerOctave) return value;
    const int shift = static_cast<int>(std::bit_width(value)) - kBucketBits - 1;
    return static_cast<size_t>(shift) * kBucketsPerOctave + (value >> shift);
  }
  // The largest value in it.
  static uint64_t EndOf(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_ = {};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_WAIT_HISTOGRAM_H_
