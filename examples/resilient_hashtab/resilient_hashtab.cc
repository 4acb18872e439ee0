// Several threads on one hash table whose buckets have resilient locks.
//
//   resilient_hashtab [--threads=N] [--seconds=S | --operations=N] [--bug]
//
// --operations is for each thread. With --bug the table evicts in the wrong lock order, and the
// validator, where it is compiled in, reports the resilient-cycle. The status is 1 if the table is
// inconsistent at the end, 2 if the arguments are wrong, else 0 or what the validator makes of it.
#include <atomic>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "examples/resilient_hashtab/hash_table.h"
#include "examples/resilient_hashtab/workload.h"

namespace resilient_hashtab {
namespace {

constexpr size_t kCapacity = 1024;
constexpr size_t kBuckets = 256;
constexpr uint64_t kKeys = 2048;  // more than fit, so that there is eviction

struct Arguments {
  uint64_t threads = 4;
  uint64_t seconds = 2;
  uint64_t operations = 0;  // of each thread; 0: until the time is over
  bool bug = false;
};

bool ParseNumber(std::string_view argument, std::string_view flag, uint64_t max, uint64_t& number) {
  if (!argument.starts_with(flag)) return false;
  const char* const begin = argument.data() + flag.size();
  const char* const end = argument.data() + argument.size();
  const auto [stopped, error] = std::from_chars(begin, end, number);
  return error == std::errc{} && stopped == end && number > 0 && number <= max;
}

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--bug") {
      arguments.bug = true;
    } else if (!ParseNumber(argument, "--threads=", 1024, arguments.threads) &&
               !ParseNumber(argument, "--seconds=", 86'400, arguments.seconds) &&
               !ParseNumber(argument, "--operations=", UINT64_MAX, arguments.operations)) {
      return false;
    }
  }
  return true;
}

void Print(const Arguments& arguments, const Tally& tally, const Statistics& statistics,
           double seconds) {
  std::printf("%" PRIu64 " threads, %" PRIu64 " operations in %.2f s: %.2f Mops/s\n",
              arguments.threads, tally.operations(), seconds,
              static_cast<double>(tally.operations()) / seconds / 1e6);
  std::printf("operations: %" PRIu64 " lookups, %" PRIu64 " updates, %" PRIu64 " deletes, %" PRIu64
              " bucket visits\n",
              tally.lookups, tally.updates, tally.deletes, tally.visits);
  std::printf("elements: %" PRIu64 " inserted, %" PRIu64 " replaced, %" PRIu64 " deleted, %" PRIu64
              " evicted; %zu in the table, %zu free\n",
              statistics.inserted, statistics.replaced, statistics.deleted, statistics.evicted,
              statistics.size, statistics.free);
  std::printf("bucket locks (resilient): %" PRIu64 " acquired; failed: %" PRIu64
              " self-deadlocks (AA), %" PRIu64 " rings, %" PRIu64 " timeouts\n",
              statistics.bucket_acquisitions, statistics.self_deadlocks, statistics.ring_deadlocks,
              statistics.timeouts);
  std::printf("LRU lock (regular): %" PRIu64 " acquired\n", statistics.lru_acquisitions);
  std::printf("callbacks stopped and unwound: %" PRIu64 "\n", tally.stopped_callbacks);
}

int Run(const Arguments& arguments) {
  Table table(kCapacity, kBuckets, arguments.bug ? Eviction::kUnderLruLock : Eviction::kInOrder);
  std::atomic<bool> stop{false};
  std::vector<Tally> tallies(arguments.threads);
  std::vector<std::thread> threads;
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < arguments.threads; ++i) {
    threads.emplace_back(
        [&, i] { tallies[i] = Work(table, kKeys, /*seed=*/i + 1, arguments.operations, stop); });
  }
  if (arguments.operations == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(arguments.seconds));
    stop.store(true, std::memory_order_relaxed);
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;

  Tally tally;
  for (const Tally& of_thread : tallies) tally += of_thread;
  Statistics statistics;
  if (table.GetStatistics(statistics) != std::errc{}) {
    std::fprintf(stderr, "resilient_hashtab: a bucket's lock was not given back\n");
    return 1;
  }
  Print(arguments, tally, statistics, passed.count());
  if (const char* const mistake = FindMistake(table, statistics, tally); mistake != nullptr) {
    std::fprintf(stderr, "resilient_hashtab: inconsistent: %s\n", mistake);
    return 1;
  }
  std::printf("the table is consistent\n");
  return 0;
}

}  // namespace
}  // namespace resilient_hashtab

int main(int argc, char** argv) {
  resilient_hashtab::Arguments arguments;
  if (!resilient_hashtab::Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: resilient_hashtab [--threads=N] [--seconds=S | --operations=N] [--bug]\n");
    return 2;
  }
  return resilient_hashtab::Run(arguments);
}
