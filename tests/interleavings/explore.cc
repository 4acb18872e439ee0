#include "tests/interleavings/explore.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace rqlockdep {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
constexpr bool kSanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitizer = false;
#endif
constexpr size_t kExecutions = kSanitizer ? 2000 : 200'000'000;

bool IsLongRun() {
  const char* const wish = std::getenv("RQLOCKDEP_INTERLEAVINGS");
  return wish != nullptr && std::string_view(wish) == "all";
}

ControlledScheduler::Result Run(const char* what, ControlledScheduler::Options options,
                                const std::function<SimProgram()>& make) {
  options.executions = kExecutions;
  const auto result = ControlledScheduler::Explore(make, options);
  std::printf("%s: %zu executions, %zu states\n", what, result.executions, result.states);
  return result;
}

}  // namespace

int Preemptions(int by_default, int in_long_run) { return IsLongRun() ? in_long_run : by_default; }

void Explore(const char* what, ControlledScheduler::Options options,
             const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  std::string choices;
  for (const int choice : result.failing_choices) choices += std::to_string(choice) + " ";
  EXPECT_EQ(result.failure, "") << what << "; choices: " << choices;
  EXPECT_TRUE(result.complete || kSanitizer || !result.failure.empty()) << what << ": too large";
}

void ExpectViolation(const char* what, ControlledScheduler::Options options,
                     const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  if (!kSanitizer || !result.failure.empty()) {
    EXPECT_NE(result.failure, "") << what << " was not found";
    std::printf("  found: %s\n", result.failure.c_str());
  }
}

void ExpectHappened(const char* what, int times) {
  if (!kSanitizer) {
    EXPECT_GT(times, 0) << "never happened: " << what;
  }
}

}  // namespace rqlockdep
