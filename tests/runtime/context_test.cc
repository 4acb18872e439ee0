// Contexts in a running program: real signals (raised, so that they come at a known place), masks,
// callbacks.
#include "rqlockdep/context.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <thread>

#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/res_spin_lock.h"
#include "rqlockdep/validated.h"
#include "tests/runtime/finding_recorder.h"

// Thread sanitizer has opinions of its own on locks in signal handlers.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() {
  return "detect_deadlocks=0:report_signal_unsafe=0";
}

namespace rqlockdep {
namespace {

// What the handlers of this test do.
std::function<void()> handler_body;
int handler_calls = 0;
int handled_signal = 0;

void PlainHandler(int signal) {
  ++handler_calls;
  handled_signal = signal;
  handler_body();
}
void InfoHandler(int signal, siginfo_t* info, void* context) {
  EXPECT_EQ(info->si_signo, signal);
  EXPECT_NE(context, nullptr);
  PlainHandler(signal);
}
void HandlerWithScope(int signal) {
  const SignalHandlerScope scope(signal);
  PlainHandler(signal);
}

struct sigaction PlainAction(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  return action;
}

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  return set;
}

void Block(std::initializer_list<int> signals, sigset_t* before = nullptr) {
  const sigset_t set = SetOf(signals);
  ASSERT_EQ(PthreadSigmask(SIG_BLOCK, &set, before), 0);
}
void SetMask(const sigset_t& mask) { ASSERT_EQ(PthreadSigmask(SIG_SETMASK, &mask, nullptr), 0); }

class ContextTest : public FindingRecorder {
 protected:
  void SetUp() override {
    FindingRecorder::SetUp();
    handler_body = [] {};
    handler_calls = 0;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
  }
  void TearDown() override {
    SetMask(mask_);
    // Tells the validator, too, that nobody handles them any more.
    const struct sigaction defaults = PlainAction(SIG_DFL);
    for (int signal : {SIGUSR1, SIGUSR2, SIGALRM, SIGRTMIN + 1}) {
      Sigaction(signal, &defaults, nullptr);
    }
    FindingRecorder::TearDown();
  }

  static void Install(int signal, void (*handler)(int) = &PlainHandler) {
    const struct sigaction action = PlainAction(handler);
    ASSERT_EQ(Sigaction(signal, &action, nullptr), 0);
  }
  // Runs `body` in a handler of `signal`, for which there is one.
  static void InHandler(int signal, std::function<void()> body) {
    handler_body = std::move(body);
    const int calls = handler_calls;
    ASSERT_EQ(raise(signal), 0);
    ASSERT_GT(handler_calls, calls);
  }

 private:
  sigset_t mask_ = {};
};

const Strings kNothing;
const Strings kInconsistent = {"inconsistent-context"};

// --- handlers ---

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

// --- masks ---

TEST_F(ContextTest, BlockingTheSignalKeepsThemApart) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  sigset_t before;
  Block({SIGUSR1}, &before);
  LockAndUnlock(lock);
  sigset_t nested;
  Block({SIGUSR1, SIGINT}, &nested);
  LockAndUnlock(lock);
  SetMask(nested);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  SetMask(before);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, UnblockingWhileTheLockIsHeldIsTooEarly) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  const sigset_t set = SetOf({SIGUSR1});
  Block({SIGUSR1});
  lock.lock();
  EXPECT_EQ(Ids(), kNothing);
  ASSERT_EQ(PthreadSigmask(SIG_UNBLOCK, &set, nullptr), 0);
  EXPECT_EQ(Ids(), kInconsistent);
  lock.unlock();
}

// What unblocks the signal only while it waits is not seen, but the handler is.
TEST_F(ContextTest, AWaitForSignalsLetsTheHandlerIn) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  QueuedSpinlock held;
  handler_body = [&] { LockAndUnlock(lock); };
  sigset_t before;
  Block({SIGUSR1}, &before);
  LockAndUnlock(lock);
  held.lock();
  raise(SIGUSR1);
  EXPECT_EQ(handler_calls, 0);
  sigset_t all_but_it = before;
  sigdelset(&all_but_it, SIGUSR1);
  sigsuspend(&all_but_it);
  EXPECT_EQ(handler_calls, 1);
  held.unlock();
  EXPECT_EQ(Ids(), kNothing);
  // So whoever holds `held` can be interrupted by the handler, in spite of the mask.
  handler_body = [&] { LockAndUnlock(held); };
  raise(SIGUSR1);
  SetMask(before);
  EXPECT_EQ(handler_calls, 2);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, EveryHandledSignalHasToBeBlocked) {
  Install(SIGUSR1);
  Install(SIGUSR2);
  QueuedSpinlock lock;
  InHandler(SIGUSR2, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1, SIGUSR2});
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  const sigset_t one = SetOf({SIGUSR1});
  SetMask(one);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AMaskMeansAnotherThingWithAnotherHandler) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1});
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
  Install(SIGUSR2);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

// Handlers that the validator only hears of when they run: what blocks any signal before that may
// well be meant to keep it off.
TEST_F(ContextTest, BeforeAnyHandlerIsKnownAnyBlockedSignalCounts) {
  const struct sigaction action = PlainAction(&HandlerWithScope);
  ASSERT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  QueuedSpinlock lock;
  sigset_t before;
  Block({SIGALRM}, &before);
  LockAndUnlock(lock);
  SetMask(before);
  InHandler(SIGALRM, [&] { LockAndUnlock(lock); });
  EXPECT_EQ(Ids(), kNothing);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, TheIrqsaveInterfaceMasks) {
  Install(SIGUSR1);
  raw_spinlock_t lock;
  raw_spin_lock_init(&lock);
  rqspinlock_t resilient;
  raw_res_spin_lock_init(&resilient);
  const auto take_both = [&] {
    unsigned long flags;
    raw_spin_lock_irqsave(&lock, flags);
    unsigned long inner_flags;
    ASSERT_EQ(raw_res_spin_lock_irqsave(&resilient, inner_flags), 0);
    raw_res_spin_unlock_irqrestore(&resilient, inner_flags);
    // Still masked here.
    raw_spin_unlock_irqrestore(&lock, flags);
  };
  InHandler(SIGUSR1, take_both);
  take_both();
  EXPECT_EQ(Ids(), kNothing);
  raw_spin_lock(&lock);
  raw_spin_unlock(&lock);
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AThreadInheritsItsMask) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  sigset_t before;
  Block({SIGUSR1}, &before);
  std::thread([&] {
    LockAndUnlock(lock);
    EXPECT_EQ(Ids(), kNothing);
  }).join();
  SetMask(before);
  std::thread([&] { LockAndUnlock(lock); }).join();
  EXPECT_EQ(Ids(), kInconsistent);
}

// The thread's first event is in a handler, where its signal is blocked. Outside it is not.
TEST_F(ContextTest, AThreadThatBeginsInAHandler) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  std::thread([&] {
    InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
    EXPECT_EQ(Ids(), kNothing);
    LockAndUnlock(lock);
  }).join();
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, SaveAndRestoreInsideAHandler) {
  Install(SIGUSR1);
  Install(SIGUSR2);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] {
    sigset_t before;
    Block({SIGUSR2}, &before);
    LockAndUnlock(lock);
    SetMask(before);
    LockAndUnlock(lock);
  });
  EXPECT_EQ(Ids(), kNothing);
}

TEST_F(ContextTest, AHandlerThatUnblocksItsSignalCanBeInterrupted) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] {
    LockAndUnlock(lock);
    const sigset_t own = SetOf({SIGUSR1});
    ASSERT_EQ(PthreadSigmask(SIG_UNBLOCK, &own, nullptr), 0);
    EXPECT_EQ(Ids(), kNothing);
    LockAndUnlock(lock);
  });
  EXPECT_EQ(Ids(), kInconsistent);
}

TEST_F(ContextTest, AQuestionChangesNothing) {
  Install(SIGUSR1);
  QueuedSpinlock lock;
  InHandler(SIGUSR1, [&] { LockAndUnlock(lock); });
  Block({SIGUSR1});
  sigset_t now;
  ASSERT_EQ(PthreadSigmask(SIG_BLOCK, nullptr, &now), 0);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  EXPECT_EQ(PthreadSigmask(12345, &now, nullptr), EINVAL);
  LockAndUnlock(lock);
  EXPECT_EQ(Ids(), kNothing);
}

// --- callbacks ---

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

// --- the exceptional ---

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
