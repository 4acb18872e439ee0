// The soft context: callbacks.
#include <gtest/gtest.h>
#include <signal.h>

#include "rqlockdep/context.h"
#include "rqlockdep/queued_spinlock.h"
#include "tests/runtime/context_fixture.h"

namespace rqlockdep {
namespace {

TEST_F(ContextTest, ALockSharedWithACallbackIsInconsistent) {
  QueuedSpinlock lock;
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  MaskSoft();
  LockAndUnlock(lock);
  UnmaskSoft();
  EXPECT_EQ(Ids(), kNothing);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SoftMasksNest) {
  QueuedSpinlock lock;
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  {
    const SoftMaskScope outer;
    {
      const SoftMaskScope inner;
      LockAndUnlock(lock);
    }
    LockAndUnlock(lock);
  }
  EXPECT_EQ(Ids(), kNothing);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SoftIsMaskedWhileHardIs) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  sigset_t before;
  Block({SIGUSR1}, &before);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  SetMask(before);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

// A callback runs with the signal mask of the flow around it.
TEST_F(ContextTest, ASignalMayComeInACallback) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  sigset_t before;
  Block({SIGUSR1}, &before);
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  EXPECT_EQ(Ids(), kNothing);
  SetMask(before);
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, TheMaskThatACallbackSetsOutlivesIt) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  {
    const SoftContextScope scope;
    Block({SIGUSR1});
  }
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
}

}  // namespace
}  // namespace rqlockdep
