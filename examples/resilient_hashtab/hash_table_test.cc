// The table on one thread against a model, and what its functions do when a bucket's lock fails.
// With the validator on, a finding fails the test at its end.
#include "examples/resilient_hashtab/hash_table.h"

#include <array>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <random>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "gtest/gtest.h"

namespace resilient_hashtab {
namespace {

using Table = HashTable<uint64_t, uint64_t>;

constexpr std::errc kOk{};
constexpr std::errc kDeadlock = std::errc::resource_deadlock_would_occur;
constexpr std::errc kNotFound = std::errc::no_such_file_or_directory;

Statistics StatisticsOf(Table& table) {
  Statistics statistics;
  EXPECT_EQ(table.GetStatistics(statistics), kOk);
  return statistics;
}

std::map<uint64_t, uint64_t> ContentsOf(Table& table) {
  std::map<uint64_t, uint64_t> contents;
  for (size_t bucket = 0; bucket < table.bucket_count(); ++bucket) {
    EXPECT_EQ(table.ForEachInBucket(bucket,
                                    [&contents](uint64_t key, uint64_t value) {
                                      EXPECT_TRUE(contents.emplace(key, value).second);
                                      return kOk;
                                    }),
              kOk);
  }
  return contents;
}

// The first key from `from` on whose bucket is `bucket`, or is not.
uint64_t KeyIn(const Table& table, size_t bucket, uint64_t from = 0) {
  while (table.BucketOf(from) != bucket) ++from;
  return from;
}
uint64_t KeyOutside(const Table& table, size_t bucket, uint64_t from = 0) {
  while (table.BucketOf(from) == bucket) ++from;
  return from;
}

// What the header promises, written with the standard containers.
class Model {
 public:
  explicit Model(size_t capacity) : capacity_(capacity) {}

  std::errc Lookup(uint64_t key, uint64_t& value) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return kNotFound;
    value = entry->second.value;
    MakeNewest(entry->second);
    return kOk;
  }
  std::errc Update(uint64_t key, uint64_t value) {
    if (entries_.size() == capacity_) {
      entries_.erase(newest_first_.back());
      newest_first_.pop_back();
      ++evicted_;
    }
    if (const auto entry = entries_.find(key); entry != entries_.end()) {
      entry->second.value = value;
      MakeNewest(entry->second);
    } else {
      newest_first_.push_front(key);
      entries_[key] = {value, newest_first_.begin()};
    }
    return kOk;
  }
  std::errc Delete(uint64_t key) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return kNotFound;
    newest_first_.erase(entry->second.place);
    entries_.erase(entry);
    return kOk;
  }
  std::map<uint64_t, uint64_t> Contents() const {
    std::map<uint64_t, uint64_t> contents;
    for (const auto& [key, entry] : entries_) contents.emplace(key, entry.value);
    return contents;
  }
  uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    uint64_t value;
    std::list<uint64_t>::iterator place;
  };
  void MakeNewest(Entry& entry) {
    newest_first_.splice(newest_first_.begin(), newest_first_, entry.place);
  }

  const size_t capacity_;
  std::unordered_map<uint64_t, Entry> entries_;
  std::list<uint64_t> newest_first_;
  uint64_t evicted_ = 0;
};

TEST(HashTableTest, DoesWhatTheModelDoes) {
  uint64_t evicted = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const size_t capacity = 1 + random() % 16;
    const uint64_t keys = 1 + random() % (3 * capacity);
    Table table(capacity, /*bucket_count=*/1 + random() % 8);
    Model model(capacity);
    for (int i = 0; i < 500; ++i) {
      const uint64_t key = random() % keys;
      switch (random() % 4) {
        case 0: {
          uint64_t value = 0;
          uint64_t expected = 0;
          ASSERT_EQ(table.Lookup(key, value), model.Lookup(key, expected));
          ASSERT_EQ(value, expected);
          break;
        }
        case 1:
          ASSERT_EQ(table.Delete(key), model.Delete(key));
          break;
        default: {
          const uint64_t value = random();
          ASSERT_EQ(table.Update(key, value), model.Update(key, value));
        }
      }
      ASSERT_EQ(ContentsOf(table), model.Contents());
    }
    ASSERT_EQ(StatisticsOf(table).evicted, model.evicted());
    ASSERT_STREQ(table.FindInconsistency(), nullptr);
    evicted += model.evicted();
  }
  EXPECT_GT(evicted, 1000u);  // the order of eviction was tried
}

TEST(HashTableTest, RoundsTheBucketsUp) {
  EXPECT_EQ(Table(1, 0).bucket_count(), 1u);
  EXPECT_EQ(Table(1, 5).bucket_count(), 8u);
}

TEST(HashTableTest, WithoutElementsThereIsNoMemory) {
  Table table(0, 1);
  EXPECT_EQ(table.Update(1, 1), std::errc::not_enough_memory);
  EXPECT_STREQ(table.FindInconsistency(), nullptr);
}

TEST(HashTableTest, TheFirstErrorEndsAVisit) {
  Table table(4, 1);
  for (uint64_t key = 0; key < 4; ++key) ASSERT_EQ(table.Update(key, key), kOk);
  int calls = 0;
  EXPECT_EQ(
      table.ForEachInBucket(
          0, [&calls](uint64_t, uint64_t) { return ++calls == 2 ? std::errc::interrupted : kOk; }),
      std::errc::interrupted);
  EXPECT_EQ(calls, 2);
}

TEST(HashTableTest, ACallbackMayChangeTheValue) {
  Table table(1, 1);
  ASSERT_EQ(table.Update(1, 10), kOk);
  ASSERT_EQ(table.ForEachInBucket(0,
                                  [](uint64_t, uint64_t& value) {
                                    ++value;
                                    return kOk;
                                  }),
            kOk);
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{1, 11}}));
}

// Each kind of re-entry into the bucket that the callback runs under.
TEST(HashTableTest, ReentryIntoTheSameBucketFails) {
  Table table(4, 4);
  const uint64_t key = 1;
  ASSERT_EQ(table.Update(key, 5), kOk);
  const size_t bucket = table.BucketOf(key);
  // One failure a callback: afterwards it returns, and the bucket's lock is given back.
  const auto reenter = [&](auto operation) {
    return table.ForEachInBucket(bucket, [&](uint64_t, uint64_t) { return operation(); });
  };
  EXPECT_EQ(reenter([&] {
              uint64_t value = 0;
              return table.Lookup(key, value);
            }),
            kDeadlock);
  EXPECT_EQ(reenter([&] { return table.Update(key, 6); }), kDeadlock);
  EXPECT_EQ(reenter([&] { return table.Delete(key); }), kDeadlock);
  EXPECT_EQ(reenter([&] {
              return table.ForEachInBucket(bucket, [](uint64_t, uint64_t) { return kOk; });
            }),
            kDeadlock);
  EXPECT_EQ(reenter([&] {
              Statistics statistics;
              return table.GetStatistics(statistics);
            }),
            kDeadlock);

  const Statistics statistics = StatisticsOf(table);
  EXPECT_EQ(statistics.self_deadlocks, 4u);
  EXPECT_EQ(statistics.ring_deadlocks, 0u);
  EXPECT_EQ(statistics.timeouts, 0u);
  EXPECT_EQ(statistics.free, 3u);  // the Update gave its element back
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{key, 5}}));
  EXPECT_STREQ(table.FindInconsistency(), nullptr);
  EXPECT_EQ(table.Update(key, 7), kOk);  // all is well again
}

TEST(HashTableTest, ReentryIntoAnotherBucketWorks) {
  Table table(4, 4);
  const uint64_t here = 1;
  const uint64_t there = KeyOutside(table, table.BucketOf(here));
  ASSERT_EQ(table.Update(here, 1), kOk);
  EXPECT_EQ(table.ForEachInBucket(table.BucketOf(here),
                                  [&](uint64_t, uint64_t) {
                                    uint64_t value = 0;
                                    EXPECT_EQ(table.Update(there, 2), kOk);
                                    EXPECT_EQ(table.Lookup(there, value), kOk);
                                    EXPECT_EQ(value, 2u);
                                    return table.Delete(there);
                                  }),
            kOk);
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{here, 1}}));
}

// The Update has evicted before its bucket's lock fails: the element goes to the free list.
TEST(HashTableTest, AFailedUpdateGivesBackWhatItEvicted) {
  Table table(2, 4);
  const uint64_t here = 1;
  const uint64_t oldest = KeyOutside(table, table.BucketOf(here));
  ASSERT_EQ(table.Update(oldest, 1), kOk);
  ASSERT_EQ(table.Update(here, 2), kOk);
  EXPECT_EQ(table.ForEachInBucket(table.BucketOf(here),
                                  [&](uint64_t key, uint64_t) { return table.Update(key, 3); }),
            kDeadlock);
  const Statistics statistics = StatisticsOf(table);
  EXPECT_EQ(statistics.evicted, 1u);
  EXPECT_EQ(statistics.size, 1u);
  EXPECT_EQ(statistics.free, 1u);
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{here, 2}}));
  EXPECT_STREQ(table.FindInconsistency(), nullptr);
}

// The victim is in the bucket that the callback runs under: it stays, and stays the oldest.
TEST(HashTableTest, AVictimThatCannotBeEvictedStaysTheOldest) {
  Table table(2, 4);
  const uint64_t oldest = 1;
  const size_t bucket = table.BucketOf(oldest);
  const uint64_t newer = KeyOutside(table, bucket);
  const uint64_t newest = KeyOutside(table, bucket, newer + 1);
  ASSERT_EQ(table.Update(oldest, 1), kOk);
  ASSERT_EQ(table.Update(newer, 2), kOk);
  EXPECT_EQ(
      table.ForEachInBucket(bucket, [&](uint64_t, uint64_t) { return table.Update(newest, 3); }),
      kDeadlock);
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{oldest, 1}, {newer, 2}}));
  EXPECT_EQ(StatisticsOf(table).self_deadlocks, 1u);
  EXPECT_STREQ(table.FindInconsistency(), nullptr);

  ASSERT_EQ(table.Update(newest, 3), kOk);
  EXPECT_EQ(ContentsOf(table), (std::map<uint64_t, uint64_t>{{newer, 2}, {newest, 3}}));
}

// Two callbacks, each under one bucket's lock, ask for the other bucket: a real deadlock. Who is
// told to give way returns, and the other goes on.
TEST(HashTableTest, CallbacksInEachOthersBuckets) {
  Table table(4, 4);
  const std::array<uint64_t, 2> keys = {KeyIn(table, 0), KeyIn(table, 1)};
  for (const uint64_t key : keys) ASSERT_EQ(table.Update(key, key), kOk);
  std::barrier both_hold_one(2);
  std::array<std::errc, 2> errors;
  const auto visit = [&](size_t own) {
    errors[own] = table.ForEachInBucket(own, [&](uint64_t, uint64_t) {
      both_hold_one.arrive_and_wait();
      uint64_t value = 0;
      return table.Lookup(keys[1 - own], value);
    });
  };
  std::thread other(visit, 1);
  visit(0);
  other.join();

  uint64_t failed = 0;
  for (const std::errc error : errors) {
    if (error == kOk) continue;
    ++failed;
    // A machine that stands still for 250 ms makes a time-out of it.
    EXPECT_TRUE(error == kDeadlock || error == std::errc::timed_out) << static_cast<int>(error);
  }
  EXPECT_GE(failed, 1u);
  const Statistics statistics = StatisticsOf(table);
  EXPECT_EQ(statistics.ring_deadlocks + statistics.timeouts, failed);
  EXPECT_EQ(statistics.self_deadlocks, 0u);
  EXPECT_STREQ(table.FindInconsistency(), nullptr);
}

}  // namespace
}  // namespace resilient_hashtab
