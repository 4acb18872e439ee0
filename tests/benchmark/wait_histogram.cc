#include "tests/benchmark/wait_histogram.h"

#include <algorithm>
#include <cmath>

namespace rqlockdep::benchmark {

void WaitHistogram::Merge(const WaitHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

uint64_t WaitHistogram::Percentile(double fraction) const {
  const double exact_rank = std::ceil(fraction * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(exact_rank), 1, count_ + 1);
  uint64_t below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    below += buckets_[i];
    if (below >= rank) return std::min(EndOf(i), max_);
  }
  return max_;
}

uint64_t WaitHistogram::EndOf(size_t bucket) {
  if (bucket < 2 * kBucketsPerOctave) return bucket;
  const uint64_t shift = bucket / kBucketsPerOctave - 1;
  const uint64_t lead = bucket % kBucketsPerOctave + kBucketsPerOctave;
  // Written so that the last bucket, which ends at 2^64 - 1, does not overflow on the way.
  return (lead << shift) + ((uint64_t{1} << shift) - 1);
}

}  // namespace rqlockdep::benchmark
