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

// At `now` milliseconds: that the process is stopped is noticed, that it runs is, too.
void ExpectWorks(Clock::Shared& shared, int64_t now) {
  const uint32_t before = Clock::Note(shared, now * kMillisecond);
  EXPECT_EQ(Clock::Note(shared, (now + 5) * kMillisecond), before) << now;
  EXPECT_EQ(Clock::Note(shared, (now + 105) * kMillisecond) - before, 100u - 8u) << now;
  EXPECT_EQ(Clock::Note(shared, (now + 110) * kMillisecond) - before, 100u - 8u) << now;
}

TEST(ProgressClock, WrapsAround) {
  RunAlone([] {
    Clock::Shared shared{0};
    const int64_t almost = (int64_t{1} << 32) - 2;  // milliseconds
    ExpectWorks(shared, almost - 1'000);
    ExpectWorks(shared, almost);
  });
}

constexpr int64_t kHour = 3'600'000;  // milliseconds

// The machine may have been up for any time when the process begins: in some of them the time
// seemed to be earlier than the one that nobody had noted.
TEST(ProgressClock, BeginsAtAnyTime) {
  RunAlone([] {
    for (int64_t up = 0; up < 120 * 24 * kHour; up += 7 * kHour) {
      Clock::Shared shared{0};
      ExpectWorks(shared, up);
    }
  });
}

// The same after a long time in which nobody had to wait.
TEST(ProgressClock, GoesOnAfterAnyTime) {
  RunAlone([] {
    for (int64_t gap = 1; gap < 49 * 24 * kHour; gap += 5 * kHour) {
      Clock::Shared shared{0};
      ExpectWorks(shared, 1'000);
      ExpectWorks(shared, 2'000 + gap);
    }
  });
}

}  // namespace
}  // namespace rqlockdep
