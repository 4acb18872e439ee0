#include "tests/interleavings/explore.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
constexpr bool kSanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitizer = false;
#endif

bool IsLongRun() {
  const char* const wish = std::getenv("RQLOCKDEP_INTERLEAVINGS");
  return wish != nullptr && std::string_view(wish) == "all";
}

// Only sanitizers may stop before all is explored. Otherwise a scenario has grown too large.
constexpr size_t kMostExecutions = kSanitizer ? 2000 : 8'000'000;

// Whether some exploration was not complete.
bool g_stopped = false;

ControlledScheduler::Result Run(const char* what, ControlledScheduler::Options options,
                                const std::function<SimProgram()>& make) {
  options.executions = kMostExecutions;
  const std::clock_t begin = std::clock();
  const auto result = ControlledScheduler::Explore(make, options);
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const bool stopped = !result.complete && result.failure.empty();
  std::printf("%s: %zu executions, %zu states, %.1f s%s\n", what, result.executions, result.states,
              seconds, stopped ? ", not complete" : "");
  std::fflush(stdout);
  g_stopped = g_stopped || stopped;
  return result;
}

}  // namespace

int Preemptions(int by_default, int in_long_run) { return IsLongRun() ? in_long_run : by_default; }

void ExploreWithin(const char* what, ControlledScheduler::Options options,
                   const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  std::string choices;
  for (const int choice : result.failing_choices) choices += std::to_string(choice) + " ";
  EXPECT_EQ(result.failure, "") << what << "; choices: " << choices;
  EXPECT_TRUE(result.complete || kSanitizer || !result.failure.empty()) << what << ": too large";
}

void Explore(const char* what, ControlledScheduler::Options options,
             const std::function<SimProgram()>& make) {
  ExploreWithin(what, options, make);
  if (!IsLongRun() || options.preemptions < 0 || options.preemptions >= kEnoughPreemptions) return;
  options.preemptions = kEnoughPreemptions;
  SimPatience::BeHasty(true);
  ExploreWithin((std::string(what) + ", hasty").c_str(), options, make);
  SimPatience::BeHasty(false);
}

void ExpectViolation(const char* what, ControlledScheduler::Options options,
                     const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  if (result.complete || !kSanitizer || !result.failure.empty()) {
    EXPECT_NE(result.failure, "") << what << " was not found";
    std::printf("  found: %s\n", result.failure.c_str());
  }
}

void ExpectHappened(const char* what, int times) {
  if (!g_stopped) {
    EXPECT_GT(times, 0) << "never happened: " << what;
  }
}

}  // namespace rqlockdep
