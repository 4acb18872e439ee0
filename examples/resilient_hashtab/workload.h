// The work of one thread of the example: random operations on a table that all threads share, among
// them callbacks that run under a bucket's lock and re-enter the table.
#ifndef EXAMPLES_RESILIENT_HASHTAB_WORKLOAD_H_
#define EXAMPLES_RESILIENT_HASHTAB_WORKLOAD_H_

#include <atomic>
#include <cstdint>
#include <system_error>

#include "examples/resilient_hashtab/hash_table.h"

namespace resilient_hashtab {

// A value says which key it belongs to, in two words that change together.
struct Payload {
  uint64_t writer = 0;
  uint64_t check = 0;
};

using Table = HashTable<uint64_t, Payload>;

// What a thread saw. Operations of callbacks count as the others.
struct Tally {
  uint64_t lookups = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t visits = 0;  // of a bucket, with a callback for each of its elements

  uint64_t updated = 0;
  uint64_t deleted = 0;
  uint64_t not_found = 0;
  uint64_t no_element = 0;
  uint64_t stopped_callbacks = 0;  // unwound after an operation in them had failed
  uint64_t damaged = 0;            // values that nobody wrote; never, if the locks work

  uint64_t operations() const { return lookups + updates + deletes + visits; }
  Tally& operator+=(const Tally& other);
};

// Works on `table` with keys below `keys` until `stop`, or for `operations` rounds if that is not
// 0. The sequence depends on `seed` alone.
Tally Work(Table& table, uint64_t keys, uint64_t seed, uint64_t operations,
           const std::atomic<bool>& stop);

// What is wrong at the end, or null. `tally` is the sum of all threads', `statistics` the table's.
const char* FindMistake(Table& table, const Statistics& statistics, const Tally& tally);

}  // namespace resilient_hashtab

#endif  // EXAMPLES_RESILIENT_HASHTAB_WORKLOAD_H_
