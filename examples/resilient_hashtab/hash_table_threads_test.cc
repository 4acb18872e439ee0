// Many threads on small tables, where they meet all the time: in the same bucket, at the same
// victim, and in each other's way when an element is claimed. TSan sees an order that is missing;
// the sums show an element or an update that was lost.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include "examples/resilient_hashtab/hash_table.h"
#include "examples/resilient_hashtab/workload.h"
#include "gtest/gtest.h"

namespace resilient_hashtab {
namespace {

constexpr size_t kThreads = 6;

class SmallTableTest : public testing::TestWithParam<std::tuple<size_t, size_t>> {};

TEST_P(SmallTableTest, StaysConsistent) {
  const auto [capacity, buckets] = GetParam();
  Table table(capacity, buckets);
  const std::atomic<bool> never{false};
  std::array<Tally, kThreads> tallies;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i, keys = 2 * capacity] {
      tallies[i] = Work(table, keys, /*seed=*/i, /*operations=*/3000, never);
    });
  }
  for (std::thread& thread : threads) thread.join();

  Tally tally;
  for (const Tally& of_thread : tallies) tally += of_thread;
  Statistics statistics;
  ASSERT_EQ(table.GetStatistics(statistics), std::errc{});
  EXPECT_STREQ(FindMistake(table, statistics, tally), nullptr);
  EXPECT_GT(statistics.evicted, 0u);
  EXPECT_GT(statistics.self_deadlocks, 0u);
  EXPECT_GT(tally.stopped_callbacks, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SmallTableTest,
                         testing::Combine(testing::Values(1, 2, 8), testing::Values(1, 2, 8)));

// Nothing is evicted here, so every change of a value that was said to be made is there at the end.
TEST(SharedValuesTest, NoIncrementIsLost) {
  constexpr uint64_t kKeys = 4;
  constexpr int kRounds = 2000;
  HashTable<uint64_t, uint64_t> table(/*capacity=*/kKeys, /*bucket_count=*/2);
  for (uint64_t key = 0; key < kKeys; ++key) ASSERT_EQ(table.Update(key, 0), std::errc{});
  std::array<uint64_t, kThreads> made{};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&table, &count = made[i], i] {
      for (size_t round = 0; round < kRounds; ++round) {
        // The bucket's lock may time out on a crowded machine: then nothing was counted.
        static_cast<void>(table.ForEachInBucket((i + round) % table.bucket_count(),
                                                [&count](uint64_t, uint64_t& value) {
                                                  ++value;
                                                  ++count;
                                                  return std::errc{};
                                                }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  uint64_t expected = 0;
  for (const uint64_t of_thread : made) expected += of_thread;
  uint64_t sum = 0;
  for (uint64_t key = 0; key < kKeys; ++key) {
    uint64_t value = 0;
    ASSERT_EQ(table.Lookup(key, value), std::errc{});
    sum += value;
  }
  EXPECT_EQ(sum, expected);
  EXPECT_GT(sum, 0u);
  EXPECT_STREQ(table.FindInconsistency(), nullptr);
}

}  // namespace
}  // namespace resilient_hashtab
