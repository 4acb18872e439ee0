// ThreadSanitizer sees the validator's own data races: nothing of it is suppressed, and only a few
// functions are left out, each marked no_sanitize("thread") with the reason beside it. They read
// what the program or another thread may be writing (stack_capture.cc, static_symbol.cc,
// lock_snapshot.cc), or run in a process that shares our memory (child_process.cc). Two threads use
// the validator's graph here without the lock that guards it.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <thread>

#include "validator/core/class_info.h"
#include "validator/graph/dependency_graph.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RQLOCKDEP_UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RQLOCKDEP_UNDER_TSAN 1
#endif

namespace rqlockdep {
namespace {

[[maybe_unused]] void Race() {
  DependencyGraph graph;
  const auto add = [&](uintptr_t first) {
    for (uintptr_t i = 0; i < 1000; ++i) {
      ClassKey key;
      key.type = ClassKey::Type::kExplicit;
      key.address = first + i;
      key.name = "class";
      graph.GetClass(key, LockKind::kMutex, 0);
    }
  };
  std::thread one([&] { add(1000); });
  std::thread other([&] { add(5000); });
  one.join();
  other.join();
  std::exit(0);
}

TEST(ValidatorRaceDeathTest, ThreadSanitizerSeesIt) {
#if defined(RQLOCKDEP_UNDER_TSAN)
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(Race(), ::testing::ExitedWithCode(66), "ThreadSanitizer: data race");
#else
  GTEST_SKIP() << "only with --config=tsan";
#endif
}

}  // namespace
}  // namespace rqlockdep
