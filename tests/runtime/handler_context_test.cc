// The hard context: signal handlers, and what leaves them.
#include <errno.h>
#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>

#include <memory>
#include <mutex>

#include "rqlockdep/context.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/validated.h"
#include "tests/runtime/context_fixture.h"

namespace rqlockdep {
namespace {

TEST_F(ContextTest, ALockSharedWithAHandlerIsInconsistent) {
  const struct sigaction action = PlainAction(&HandlerWithScope);
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(Ids(), kNothing);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AHandlerWithoutAScopeIsPartOfTheProgram) {
  const struct sigaction action = PlainAction(&PlainHandler);
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
}

TEST_F(ContextTest, SigactionAddsTheScope) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(handled_signal, SIGUSR1);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, RealtimeSignalsAreAsGood) {
  Install(SIGRTMIN + 1);
  QueuedSpinlock lock;
  InHandler(SIGRTMIN + 1, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(handled_signal, SIGRTMIN + 1);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SigactionWrapsHandlersWithInformation) {
  struct sigaction action = {};
  action.sa_sigaction = &InfoHandler;
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(Sigaction(SIGUSR2, &action, nullptr), 0);
  QueuedSpinlock lock;
  InHandler(SIGUSR2, [&] { LockAndUnlock(lock); });
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SigactionGivesBackWhatTheProgramInstalled) {
  struct sigaction info = {};
  info.sa_sigaction = &InfoHandler;
  info.sa_flags = SA_SIGINFO | SA_RESTART;
  const struct sigaction plain = PlainAction(&PlainHandler);
  const struct sigaction ignore = PlainAction(SIG_IGN);
  struct sigaction old = {};
  ASSERT_EQ(Sigaction(SIGUSR1, &plain, &old), 0);
  EXPECT_EQ(old.sa_handler, SIG_DFL);
  ASSERT_EQ(Sigaction(SIGUSR1, &info, &old), 0);
  EXPECT_EQ(old.sa_handler, &PlainHandler);
  EXPECT_EQ(old.sa_flags & SA_SIGINFO, 0);
  ASSERT_EQ(Sigaction(SIGUSR1, nullptr, &old), 0);
  EXPECT_EQ(old.sa_sigaction, &InfoHandler);
  EXPECT_NE(old.sa_flags & SA_RESTART, 0);
  ASSERT_EQ(Sigaction(SIGUSR1, &ignore, &old), 0);
  EXPECT_EQ(old.sa_sigaction, &InfoHandler);
  ASSERT_EQ(raise(SIGUSR1), 0);
  EXPECT_EQ(handler_calls, 0);
  // What it gave back can be installed again.
  ASSERT_EQ(Sigaction(SIGUSR1, &old, &old), 0);
  EXPECT_EQ(old.sa_handler, SIG_IGN);
  InHandler(SIGUSR1, [] {});
}

TEST_F(ContextTest, SigactionRefusesWhatTheKernelRefuses) {
  const struct sigaction plain = PlainAction(&PlainHandler);
  for (const int signal : {0, -1, SIGKILL, SIGSTOP, 65, 1000}) {
    errno = 0;
    EXPECT_EQ(Sigaction(signal, &plain, nullptr), -1) << signal;
    EXPECT_EQ(errno, EINVAL) << signal;
  }
}

// What sigaction(2) gives is the wrapper. Giving it back by either way must not lose the handler.
TEST_F(ContextTest, AWrapperMayGoThroughTheProgramsHands) {
  Install(SIGUSR1);
  struct sigaction raw = {};
  const struct sigaction ignore = PlainAction(SIG_IGN);
  ASSERT_EQ(sigaction(SIGUSR1, &ignore, &raw), 0);
  ASSERT_EQ(Sigaction(SIGUSR1, &raw, nullptr), 0);
  InHandler(SIGUSR1, [] {});
  ASSERT_EQ(sigaction(SIGUSR1, &raw, nullptr), 0);
  InHandler(SIGUSR1, [] {});
}

TEST_F(ContextTest, NothingThatSleepsInAHandler) {
  Install(SIGUSR1);
  Validated<std::mutex> mutex;
  InHandler(SIGUSR1, [&] { LockAndUnlock(mutex); });
  EXPECT_EQ(Ids(), Strings{"invalid-wait-context"});
  // The thread is out of the handler again.
  Validated<std::mutex> other;
  LockAndUnlock(other);
  EXPECT_EQ(Ids().size(), 1U);
}

TEST_F(ContextTest, AHandlerMustGiveBackWhatItTook) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { lock.lock(); });
  // And from then on it is held where the handler can come again.
  EXPECT_EQ(Ids(), (Strings{"held-at-exit", "inconsistent-context"}));
}

TEST_F(ContextTest, TwoLocksThroughAHandlerAreAnInversion) {
  Install(SIGUSR1);
  QueuedSpinlock a;
  QueuedSpinlock b;
  InHandler(SIGUSR1, [&] { LockAndUnlock(a); });
  LockAndUnlock(b);
  sigset_t before;
  Block({SIGUSR1}, &before);
  Nest(a, b);
  SetMask(before);
  EXPECT_EQ(Ids(), Strings{"context-inversion"});
}

TEST_F(ContextTest, AnotherSignalInsideAHandler) {
  Install(SIGUSR1);
  Install(SIGUSR2, &HandlerWithScope);  // both scopes: the inner one changes nothing
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] {
    if (handler_calls > 1) return;
    // The handler does not block SIGUSR2. Thread sanitizer lets handlers run with all signals
    // blocked, whatever sa_mask says, and the signal would come when the lock is free again. Not
    // with our wrapper: for the validator nothing changes here.
    const sigset_t other = SetOf({SIGUSR2});
    ASSERT_EQ(pthread_sigmask(SIG_UNBLOCK, &other, nullptr), 0);
    lock.lock();
    EXPECT_EQ(Ids(), kNothing);
    ASSERT_EQ(raise(SIGUSR2), 0);
    EXPECT_EQ(handler_calls, 2);
    // Still in the handler of SIGUSR1.
    lock.unlock();
  });
  EXPECT_EQ(handler_calls, 2);
  // It was held where the other handler came; that is all there is to say so far.
  EXPECT_EQ(Ids(), kInconsistent);
}

sigjmp_buf jump_buffer;

TEST_F(ContextTest, AJumpOutOfAHandler) {
  Install(SIGUSR1);
  QueuedSpinlock left_behind;
  const ContextMark mark = CurrentContext();
  handler_body = [&] {
    left_behind.lock();
    siglongjmp(jump_buffer, 1);
  };
  if (sigsetjmp(jump_buffer, 1) == 0) {
    raise(SIGUSR1);
    FAIL();
  }
  ReturnToContext(mark);
  EXPECT_EQ(Ids(), (Strings{"held-at-exit", "inconsistent-context"}));
  // Not a handler's code: it may sleep, and is not masked.
  Validated<std::mutex> mutex;
  LockAndUnlock(mutex);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(Ids().size(), 2U);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids().size(), 3U);
}

TEST_F(ContextTest, AScopeEndsWhatJumpsLeftInsideIt) {
  Install(SIGUSR1);
  {
    const SoftContextScope scope;
    handler_body = [] { siglongjmp(jump_buffer, 1); };
    if (sigsetjmp(jump_buffer, 1) == 0) raise(SIGUSR1);
  }
  Validated<std::mutex> mutex;
  LockAndUnlock(mutex);
  EXPECT_EQ(Ids(), kNothing);
}

// The finding's handler runs inside the validator, so that the signal does, too.
TEST_F(ContextTest, AHandlerInsideTheValidatorStaysBalanced) {
  Install(SIGUSR1);
  static bool raised;
  raised = false;
  static Validated<std::mutex>* in_handler;
  in_handler = nullptr;
  const auto mutex = std::make_unique<Validated<std::mutex>>();
  in_handler = mutex.get();
  handler_body = [] { LockAndUnlock(*in_handler); };
  SetFindingHandler([](const FindingReport&) {
    raise(SIGUSR1);
    const SoftContextScope scope;
    const SoftMaskScope mask;
    raised = true;
  });
  QueuedSpinlock lock;
  lock.lock();
  lock.unlock();
  lock.unlock();  // unbalanced
  EXPECT_TRUE(raised);
  EXPECT_EQ(handler_calls, 1);
  FindingRecorder::SetUp();
  // The thread is in no context and masks nothing.
  LockAndUnlock(*mutex);
  EXPECT_EQ(Ids(), kNothing);
  {
    const SoftContextScope scope;
    LockAndUnlock(lock);
  }
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

}  // namespace
}  // namespace rqlockdep
