#include "tests/benchmark/turns.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace rqlockdep::benchmark {

std::vector<size_t> OrderOfRound(size_t count, int round) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937 random(static_cast<uint32_t>(round));
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

}  // namespace rqlockdep::benchmark
