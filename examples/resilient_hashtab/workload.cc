#include "examples/resilient_hashtab/workload.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <system_error>

namespace resilient_hashtab {
namespace {

constexpr uint64_t CheckOf(uint64_t key, uint64_t writer) { return ~(key << 32) ^ writer; }

class Worker {
 public:
  Worker(Table& table, uint64_t keys, uint64_t seed) : table_(table), keys_(keys), random_(seed) {}

  void Round() {
    const uint64_t dice = random_() % 100;
    if (dice < 75) {
      static_cast<void>(Lookup(AnyKey()));
    } else if (dice < 93) {
      static_cast<void>(Update(AnyKey()));
    } else if (dice < 98) {
      static_cast<void>(Delete(AnyKey()));
    } else {
      Visit(random_() % table_.bucket_count());
    }
  }

  const Tally& tally() const { return tally_; }

 private:
  uint64_t AnyKey() { return random_() % keys_; }

  // Each of these returns the error after which a callback has to stop.
  std::errc Lookup(uint64_t key) {
    ++tally_.lookups;
    Payload payload;
    const std::errc error = table_.Lookup(key, payload);
    if (error == std::errc{}) Examine(key, payload);
    return Judge(error);
  }

  std::errc Update(uint64_t key) {
    ++tally_.updates;
    const uint64_t writer = random_();
    const std::errc error =
        table_.Update(key, Payload{.writer = writer, .check = CheckOf(key, writer)});
    if (error == std::errc{}) ++tally_.updated;
    return Judge(error);
  }

  std::errc Delete(uint64_t key) {
    ++tally_.deletes;
    const std::errc error = table_.Delete(key);
    if (error == std::errc{}) ++tally_.deleted;
    return Judge(error);
  }

  void Visit(size_t bucket) {
    ++tally_.visits;
    bool called = false;
    const std::errc error =
        table_.ForEachInBucket(bucket, [this, &called](uint64_t key, const Payload& payload) {
          called = true;
          Examine(key, payload);
          switch (random_() % 4) {
            case 0:
              return Lookup(key);  // AA: this thread holds the bucket's lock
            case 1:
              return Update(key);  // AA, with an element in hand
            case 2:
              return Lookup(AnyKey());  // most often another bucket
            default:
              return Update(AnyKey());
          }
        });
    if (error != std::errc{} && called) ++tally_.stopped_callbacks;
  }

  void Examine(uint64_t key, const Payload& payload) {
    if (payload.check != CheckOf(key, payload.writer)) ++tally_.damaged;
  }

  std::errc Judge(std::errc error) {
    if (error == std::errc::no_such_file_or_directory) {
      ++tally_.not_found;
      return {};
    }
    if (error == std::errc::not_enough_memory) {
      ++tally_.no_element;
      return {};
    }
    return error;
  }

  Table& table_;
  const uint64_t keys_;
  std::mt19937_64 random_;
  Tally tally_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  lookups += other.lookups;
  updates += other.updates;
  deletes += other.deletes;
  visits += other.visits;
  updated += other.updated;
  deleted += other.deleted;
  not_found += other.not_found;
  no_element += other.no_element;
  stopped_callbacks += other.stopped_callbacks;
  damaged += other.damaged;
  return *this;
}

Tally Work(Table& table, uint64_t keys, uint64_t seed, uint64_t operations,
           const std::atomic<bool>& stop) {
  Worker worker(table, keys, seed);
  // Relaxed: the flag says nothing but stop.
  for (uint64_t round = 0;
       operations != 0 ? round < operations : !stop.load(std::memory_order_relaxed); ++round) {
    worker.Round();
  }
  return worker.tally();
}

const char* FindMistake(Table& table, const Statistics& statistics, const Tally& tally) {
  if (tally.damaged != 0) return "a value was read that nobody wrote";
  if (statistics.inserted + statistics.replaced != tally.updated)
    return "the table and its users disagree about updates";
  if (statistics.deleted != tally.deleted) return "the table and its users disagree about deletes";
  return table.FindInconsistency();
}

}  // namespace resilient_hashtab
