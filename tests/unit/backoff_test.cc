#include "src/backoff.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace rqlockdep::internal {
namespace {

// A thread whose clock moves only when something happens: a pause takes 10 ticks, a look what the
// test says, reading the clock 3.
class FakeThread {
 public:
  uint32_t& LookCost() { return look_cost_; }
  uint64_t Ticks() { return now_ += 3; }
  void Pause(int count) {
    pauses_ += count;
    now_ += 10 * static_cast<uint64_t>(count);
  }

  void Pass(uint64_t ticks) { now_ += ticks; }
  int TakePauses() {
    const int pauses = pauses_;
    pauses_ = 0;
    return pauses;
  }

 private:
  uint32_t look_cost_ = 0;
  uint64_t now_ = 1'000'000;
  int pauses_ = 0;
};

// Rests and looks; a look takes `ticks`.
void Round(Backoff<FakeThread>& backoff, FakeThread& thread, uint64_t ticks) {
  backoff.Rest();
  backoff.Look([&] {
    thread.Pass(ticks);
    return false;
  });
}

int PausesAfterManyLooks(uint64_t ticks) {
  FakeThread thread;
  Backoff<FakeThread> backoff(thread);
  for (int i = 0; i < 100; ++i) Round(backoff, thread, ticks);
  thread.TakePauses();
  backoff.Rest();
  return thread.TakePauses();
}

TEST(Backoff, ARestIsAMultipleOfWhatALookCosts) {
  EXPECT_EQ(PausesAfterManyLooks(0), 1);
  // Two and a half times 200 ticks, in steps of a pause and a look at the clock.
  EXPECT_NEAR(PausesAfterManyLooks(200), 500 / 13, 2);
  EXPECT_NEAR(PausesAfterManyLooks(400), 1000 / 13, 3);
}

TEST(Backoff, ACoarseClockCounts) { EXPECT_GT(PausesAfterManyLooks(8), 1); }

TEST(Backoff, ATimeOffTheProcessorIsNoCost) {
  FakeThread thread;
  Backoff<FakeThread> backoff(thread);
  Round(backoff, thread, 1'000'000'000);
  thread.TakePauses();
  backoff.Rest();
  EXPECT_LT(thread.TakePauses(), 2'500 / 13);
}

TEST(Backoff, TheThreadRemembersTheCost) {
  FakeThread thread;
  {
    Backoff<FakeThread> backoff(thread);
    for (int i = 0; i < 100; ++i) Round(backoff, thread, 200);
  }
  thread.TakePauses();
  Backoff<FakeThread>(thread).Rest();
  EXPECT_GT(thread.TakePauses(), 30);
}

TEST(Backoff, TellsWhetherTheLineWasAway) {
  FakeThread thread;
  Backoff<FakeThread> backoff(thread);
  EXPECT_FALSE(backoff.line_was_away());
  Round(backoff, thread, 200);
  EXPECT_TRUE(backoff.line_was_away());
  Round(backoff, thread, 4);
  EXPECT_FALSE(backoff.line_was_away());
}

TEST(Backoff, SaysWhatTheLookSays) {
  FakeThread thread;
  Backoff<FakeThread> backoff(thread);
  EXPECT_TRUE(backoff.Look([] { return true; }));
  EXPECT_FALSE(backoff.Look([] { return false; }));
  backoff.Rest();
  EXPECT_TRUE(backoff.Look([] { return true; }));
}

}  // namespace
}  // namespace rqlockdep::internal
