// A random number generator for tests: small, seeded, and the same numbers on every platform (the
// standard's distributions are not).
//
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#ifndef RQLOCKDEP_TESTS_REFERENCE_SEEDED_RANDOM_H_
#define RQLOCKDEP_TESTS_REFERENCE_SEEDED_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rqlockdep {

class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // From 0 to `count` - 1; `count` is at least 1. The bias is negligible for small counts.
  int Below(int count) { return static_cast<int>(Next() % static_cast<uint64_t>(count)); }

  // From `low` to `high`, both included.
  int Between(int low, int high) { return low + Below(high - low + 1); }

  bool Percent(int percent) { return Below(100) < percent; }

  template <typename T>
  const T& OneOf(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int>(values.size())))];
  }

 private:
  uint64_t state_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_REFERENCE_SEEDED_RANDOM_H_
