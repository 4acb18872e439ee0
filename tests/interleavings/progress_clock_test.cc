// The clock that stands still while the process does.
#include "src/progress_clock.h"

#include <cstdint>
#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/controlled_scheduler.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

using Clock = internal::ProgressClock<SimAtomics>;

// Under a scheduler because the atomics want one.
void RunAlone(const std::function<void()>& body) {
  const auto result = ControlledScheduler::Explore(
      [&] {
        return SimProgram{
            .threads = {body}, .handlers = {}, .at_end = [] { return std::string(); }};
      },
      {});
  EXPECT_EQ(result.failure, "");
}

TEST(ProgressClock, CountsWhileSomebodyLooks) {
  RunAlone([] {
    Clock::Shared shared{0};
    const uint32_t before = Clock::Note(shared, 1'000 * kMillisecond);
    for (int64_t now = 1'000; now <= 2'000; now += 12) {
      EXPECT_EQ(Clock::Note(shared, now * kMillisecond), before);
    }
  });
}

TEST(ProgressClock, StandsStillWhileNobodyLooks) {
  RunAlone([] {
    Clock::Shared shared{0};
    const uint32_t before = Clock::Note(shared, 1'000 * kMillisecond);
    const uint32_t after = Clock::Note(shared, 6'000 * kMillisecond);
    EXPECT_EQ(after - before, 5'000u - 8u);  // a nap may have begun just before
    // Whoever looked at the clock earlier, and notes it later, changes nothing.
    EXPECT_EQ(Clock::Note(shared, 5'000 * kMillisecond), after);
    EXPECT_EQ(Clock::Note(shared, 6'001 * kMillisecond), after);
  });
}

TEST(ProgressClock, WrapsAround) {
  RunAlone([] {
    Clock::Shared shared{0};
    const int64_t almost = (int64_t{1} << 32) - 2;  // milliseconds
    const uint32_t before = Clock::Note(shared, almost * kMillisecond);
    EXPECT_EQ(Clock::Note(shared, (almost + 5) * kMillisecond), before);
    EXPECT_EQ(Clock::Note(shared, (almost + 105) * kMillisecond) - before, 100u - 8u);
  });
}

}  // namespace
}  // namespace rqlockdep
