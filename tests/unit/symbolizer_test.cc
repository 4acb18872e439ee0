#include "validator/runtime/symbolizer.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "validator/runtime/stack_capture.h"

namespace rqlockdep {
namespace {

// Captures where it is called; the line of the call is the next one's minus one.
#define RQLOCKDEP_CAPTURE(frames) (CaptureStack(frames, 16, 0), __LINE__)

struct Capture {
  uintptr_t frames[16] = {};
  int line = 0;
  int caller_line = 0;
};

[[gnu::noinline]] void TakeStack(Capture* capture) {
  capture->line = RQLOCKDEP_CAPTURE(capture->frames);
  asm volatile("" ::: "memory");
}

[[gnu::always_inline]] inline void Inlined(Capture* capture) {
  capture->line = RQLOCKDEP_CAPTURE(capture->frames);
}

[[gnu::noinline]] void CallsInlined(Capture* capture) {
  Inlined(capture);
  capture->caller_line = __LINE__ - 1;
  asm volatile("" ::: "memory");
}

std::string Text(const char* text) { return text == nullptr ? "(null)" : text; }

TEST(SymbolizerTest, ThisFileAndLine) {
  Symbolizer symbolizer;
  Capture capture;
  TakeStack(&capture);
  const int caller_line = __LINE__ - 1;
  const auto frames = symbolizer.Symbolize(capture.frames[0]);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_NE(Text(frames[0].function).find("TakeStack"), std::string::npos) << frames[0].function;
  EXPECT_TRUE(Text(frames[0].file).ends_with("tests/unit/symbolizer_test.cc")) << frames[0].file;
  EXPECT_EQ(Text(frames[0].file).find("execroot"), std::string::npos);
  EXPECT_EQ(frames[0].line, capture.line);
  const auto caller = symbolizer.Symbolize(capture.frames[1]);
  EXPECT_EQ(caller[0].line, caller_line);
  EXPECT_NE(Text(caller[0].function).find("ThisFileAndLine"), std::string::npos);
}

TEST(SymbolizerTest, InlinedFrames) {
  Symbolizer symbolizer;
  Capture capture;
  CallsInlined(&capture);
  const auto frames = symbolizer.Symbolize(capture.frames[0]);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_NE(Text(frames[0].function).find("Inlined"), std::string::npos);
  EXPECT_EQ(frames[0].line, capture.line);
  EXPECT_NE(Text(frames[1].function).find("CallsInlined"), std::string::npos);
  EXPECT_EQ(frames[1].line, capture.caller_line);
}

TEST(SymbolizerTest, ManyAtOnceAndFromSeveralModules) {
  Symbolizer symbolizer;
  Capture capture;
  TakeStack(&capture);
  std::vector<uintptr_t> addresses(capture.frames, capture.frames + 3);
  addresses.push_back(reinterpret_cast<uintptr_t>(&std::qsort) + 1);
  addresses.push_back(capture.frames[0]);
  for (uintptr_t i = 0; i < 600; ++i) {
    addresses.push_back(reinterpret_cast<uintptr_t>(&CallsInlined) - 300 + i);
  }
  addresses.push_back(0x1234);
  symbolizer.Prefetch(addresses);
  EXPECT_EQ(symbolizer.Symbolize(addresses[0])[0].line, capture.line);
  EXPECT_NE(symbolizer.Symbolize(addresses[3])[0].function, nullptr);
#if !defined(__OPTIMIZE__)
  // Answers stay with their questions, also in the second run of the many. (Where calls are inlined
  // into each other, addr2line of binutils 2.40 itself answers differently in a batch.)
  Symbolizer another;
  for (size_t i : {size_t{20}, size_t{310}, size_t{580}}) {
    const auto many = symbolizer.Symbolize(addresses[i]);
    const auto one = another.Symbolize(addresses[i]);
    ASSERT_EQ(many.size(), one.size());
    EXPECT_EQ(Text(many[0].function), Text(one[0].function));
    EXPECT_EQ(many[0].line, one[0].line);
  }
#endif
}

TEST(SymbolizerTest, KnownAnswersAreKept) {
  Symbolizer symbolizer;
  Capture capture;
  TakeStack(&capture);
  const auto first = symbolizer.Symbolize(capture.frames[0]);
  symbolizer.set_run_tool(false);
  const auto second = symbolizer.Symbolize(capture.frames[0]);
  EXPECT_EQ(first.data(), second.data());
}

TEST(SymbolizerTest, WithoutTheTool) {
  for (const char* how : {"off", "missing", "failing", "mute"}) {
    Symbolizer symbolizer;
    if (how == std::string("off")) symbolizer.set_run_tool(false);
    if (how == std::string("missing")) symbolizer.set_tool_path("/nonexistent/addr2line");
    if (how == std::string("failing")) symbolizer.set_tool_path("/bin/false");
    if (how == std::string("mute")) symbolizer.set_tool_path("/bin/true");
    Capture capture;
    TakeStack(&capture);
    errno = ERANGE;
    const auto frames = symbolizer.Symbolize(capture.frames[0]);
    EXPECT_EQ(errno, ERANGE);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(Text(frames[0].function), "rqlockdep::(anonymous namespace)::TakeStack()") << how;
    EXPECT_EQ(frames[0].file, nullptr);
    EXPECT_NE(frames[0].module, nullptr);
    EXPECT_NE(frames[0].offset, 0u);
  }
}

TEST(SymbolizerTest, Nonsense) {
  Symbolizer symbolizer;
  for (uintptr_t address : {uintptr_t{0}, uintptr_t{1}, uintptr_t{0x1234}, ~uintptr_t{0}}) {
    const auto frames = symbolizer.Symbolize(address);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].function, nullptr);
    EXPECT_EQ(frames[0].offset, address);
  }
}

Capture handler_capture;
int handler_line = 0;

TEST(SymbolizerTest, InASignalHandler) {
  struct sigaction action = {};
  action.sa_handler = [](int) {
    static Symbolizer symbolizer;
    TakeStack(&handler_capture);
    handler_line = symbolizer.Symbolize(handler_capture.frames[0])[0].line;
  };
  struct sigaction old_action;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old_action), 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old_action, nullptr);
  EXPECT_EQ(handler_line, handler_capture.line);
}

}  // namespace
}  // namespace rqlockdep
