// For tests of contexts with real signals, raised, so that they come at a known place.
//
// To be included by one file of a program.
#ifndef RQLOCKDEP_TESTS_RUNTIME_CONTEXT_FIXTURE_H_
#define RQLOCKDEP_TESTS_RUNTIME_CONTEXT_FIXTURE_H_

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <functional>
#include <initializer_list>
#include <utility>

#include "rqlockdep/context.h"
#include "tests/runtime/finding_recorder.h"

// Thread sanitizer has opinions of its own on locks in signal handlers.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() {
  return "detect_deadlocks=0:report_signal_unsafe=0";
}

namespace rqlockdep {

// What the handlers do.
inline std::function<void()> handler_body;
inline int handler_calls = 0;
inline int handled_signal = 0;

inline void PlainHandler(int signal) {
  ++handler_calls;
  handled_signal = signal;
  handler_body();
}
inline void InfoHandler(int signal, siginfo_t* info, void* context) {
  EXPECT_EQ(info->si_signo, signal);
  EXPECT_NE(context, nullptr);
  PlainHandler(signal);
}
inline void HandlerWithScope(int signal) {
  const SignalHandlerScope scope(signal);
  PlainHandler(signal);
}

inline struct sigaction PlainAction(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  return action;
}

inline sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  return set;
}

inline void Block(std::initializer_list<int> signals, sigset_t* before = nullptr) {
  const sigset_t set = SetOf(signals);
  ASSERT_EQ(PthreadSigmask(SIG_BLOCK, &set, before), 0);
}
inline void SetMask(const sigset_t& mask) {
  ASSERT_EQ(PthreadSigmask(SIG_SETMASK, &mask, nullptr), 0);
}

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

inline const Strings kNothing;
inline const Strings kInconsistent = {"inconsistent-context"};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_RUNTIME_CONTEXT_FIXTURE_H_
