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

bool IsRun(std::string_view kind) {
  const char* const wish = std::getenv("RQLOCKDEP_INTERLEAVINGS");
  return wish != nullptr && kind == wish;
}
// As far as some 20 s get for each scenario; how far that was is printed.
bool IsLongRun() { return IsRun("all"); }
// However long it takes: hours, for some.
bool IsCompleteRun() { return IsRun("complete"); }

// Whether exploring may stop before it is complete.
bool MayStop() { return kSanitizer || IsLongRun(); }

size_t MostExecutions() {
  if (kSanitizer) return 2000;
  return IsLongRun() ? 700'000 : 200'000'000;
}

// Whether some exploration was not complete.
bool g_stopped = false;

ControlledScheduler::Result Run(const char* what, ControlledScheduler::Options options,
                                const std::function<SimProgram()>& make) {
  options.executions = MostExecutions();
  const auto result = ControlledScheduler::Explore(make, options);
  const bool stopped = !result.complete && result.failure.empty();
  std::printf("%s: %zu executions, %zu states%s\n", what, result.executions, result.states,
              stopped ? ", not complete" : "");
  g_stopped = g_stopped || stopped;
  return result;
}

}  // namespace

int Preemptions(int by_default, int in_long_run) {
  return IsLongRun() || IsCompleteRun() ? in_long_run : by_default;
}

void Explore(const char* what, ControlledScheduler::Options options,
             const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  std::string choices;
  for (const int choice : result.failing_choices) choices += std::to_string(choice) + " ";
  EXPECT_EQ(result.failure, "") << what << "; choices: " << choices;
  EXPECT_TRUE(result.complete || MayStop() || !result.failure.empty()) << what << ": too large";
}

void ExpectViolation(const char* what, ControlledScheduler::Options options,
                     const std::function<SimProgram()>& make) {
  const auto result = Run(what, options, make);
  if (result.complete || !MayStop() || !result.failure.empty()) {
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
