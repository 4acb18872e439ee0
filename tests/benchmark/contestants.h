// The peers (peers.h) as data: what the rows of the table do with each of them.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_CONTESTANTS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_CONTESTANTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/benchmark/contention.h"
#include "tests/benchmark/turns.h"
#include "tests/benchmark/uncontended.h"

namespace rqlockdep::benchmark {

struct Contestant {
  std::string name;
  // Ticks for so many acquisitions and releases by one thread.
  uint64_t (*uncontended_ticks)(Surroundings surroundings, int64_t pairs);
  ContentionResult (*contend)(const ContentionSetup& setup);
};

// All, in the order of the tables.
const std::vector<Contestant>& AllContestants();

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_CONTESTANTS_H_
