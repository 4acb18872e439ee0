#include "src/slice_extension.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/controlled_scheduler.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {
namespace {

using internal::SliceControl;
using internal::SliceExtension;

TEST(SliceExtension, IsAskedForUntilTheEnd) {
  SliceControl control;
  SliceExtension extension;
  extension.Begin(control);
  EXPECT_EQ(control.request, 1);
  bool yielded = false;
  extension.End(control, [&] { yielded = true; });
  EXPECT_EQ(control.request, 0);
  EXPECT_FALSE(yielded);
}

TEST(SliceExtension, IsGivenBackIfItWasGranted) {
  SliceControl control;
  SliceExtension extension;
  extension.Begin(control);
  // What the kernel does when it grants one.
  control.request = 0;
  control.granted = 1;
  bool yielded = false;
  extension.End(control, [&] {
    EXPECT_EQ(control.request, 0);
    yielded = true;
  });
  EXPECT_TRUE(yielded);
}

// The bug: giving back an inner lock ended the request of the outer one, and gave the processor
// away while that was held.
TEST(SliceExtension, Bug_AnInnerSectionEndedTheOuterOnes) {
  SliceControl control;
  SliceExtension extension;
  int yields = 0;
  const auto yield = [&] {
    EXPECT_EQ(control.request, 0) << "the processor is given up while more time is asked for";
    ++yields;
    control.granted = 0;
  };
  extension.Begin(control);
  extension.Begin(control);
  extension.End(control, yield);
  EXPECT_EQ(control.request, 1) << "the outer section goes on";
  // Granted meanwhile.
  control.request = 0;
  control.granted = 1;
  extension.Begin(control);
  extension.End(control, yield);
  EXPECT_EQ(yields, 0);
  extension.End(control, yield);
  EXPECT_EQ(control.request, 0);
  EXPECT_EQ(yields, 1);
}

// A regular lock may be unlocked by a thread that did not wait for it.
TEST(SliceExtension, AnEndWithoutABeginningLeavesTheNextSectionWhole) {
  SliceControl control;
  SliceExtension extension;
  const auto yield = [] { FAIL() << "nothing was granted"; };
  extension.End(control, yield);
  extension.Begin(control);
  EXPECT_EQ(control.request, 1);
  extension.Begin(control);
  extension.End(control, yield);
  EXPECT_EQ(control.request, 1);
  extension.End(control, yield);
  EXPECT_EQ(control.request, 0);
}

// Every acquisition that had to wait asks, and each is taken back by the release: in every
// interleaving of two threads.
template <class Body>
void ExpectSlicesGivenBack(ControlledScheduler::Options options, Body body) {
  static SimStorage<SimProcess<2, 1>> storage;
  options.executions = 200'000;
  int most_slices = 0;
  const auto result = ControlledScheduler::Explore(
      [&] {
        auto& process = storage.Renew();
        process.OfferSlices();
        const auto thread = [&process, body] { body(process); };
        return SimProgram{.threads = {thread, thread}, .handlers = {}, .at_end = [&] {
                            most_slices = std::max(most_slices, process.slices());
                            return process.Leftovers();
                          }};
      },
      options);
  EXPECT_EQ(result.failure, "");
  EXPECT_GT(most_slices, 0);
}

TEST(SliceExtension, AResilientLockGivesItBack) {
  ExpectSlicesGivenBack({.preemptions = 4}, [](SimProcess<2, 1>& process) {
    if (process.Acquire(0) == LockResult::kOk) {
      process.Inside(0);
      process.Release(0);
    }
  });
}

TEST(SliceExtension, ARegularLockGivesItBack) {
  ExpectSlicesGivenBack({.preemptions = 4}, [](SimProcess<2, 1>& process) {
    process.LockRegular(0);
    process.Inside(0);
    process.UnlockRegular(0);
  });
}

// With the kernel that this runs on, whatever it offers.
TEST(SliceExtension, EnablingTellsTheTruth) {
  SliceControl* const control = SliceExtension::Enable();
  EXPECT_EQ(SliceExtension::Enable(), control) << "a second answer differs from the first";
  if (control == nullptr) GTEST_SKIP() << "this kernel has no time-slice extension";
  SliceExtension extension;
  extension.Begin(*control);
  extension.End(*control, &SliceExtension::YieldSlice);
  EXPECT_EQ(control->request, 0);
}

}  // namespace
}  // namespace rqlockdep
