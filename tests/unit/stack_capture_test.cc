#include "validator/runtime/stack_capture.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

// Counts what malloc is asked for while `watching`.
static std::atomic<bool> watching{false};
static std::atomic<int> allocations{0};

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define RQLOCKDEP_WATCH_MALLOC 1
extern "C" void* __libc_malloc(size_t size);
extern "C" void* malloc(size_t size) {
  if (watching.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  return __libc_malloc(size);
}
#endif

namespace rqlockdep {
namespace {

struct Captured {
  uintptr_t unwound[64];
  size_t unwound_count;
  uintptr_t walked[64];
  int walked_count;
};

[[gnu::noinline]] void Innermost(Captured* captured) {
  // A call's return address differs between the two, so the frame of this function is left out.
  captured->unwound_count = CaptureStack(captured->unwound, 64, /*skip=*/1);
  captured->walked_count = WalkFramePointers(captured->walked, 64);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void Recurse(int depth, Captured* captured) {
  if (depth == 0) {
    Innermost(captured);
  } else {
    Recurse(depth - 1, captured);
  }
  asm volatile("" ::: "memory");  // no tail call
}

TEST(StackCaptureTest, BothWaysAgree) {
  Captured captured = {};
  Recurse(10, &captured);
  ASSERT_GE(captured.unwound_count, 12u);
  // The chain ends, at the latest, where libc without frame pointers begins.
  ASSERT_GE(captured.walked_count, 12);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(captured.unwound[i], captured.walked[i]) << i;
}

TEST(StackCaptureTest, AgreesOnOtherThreads) {
  Captured captured = {};
  std::thread thread([&] { Recurse(10, &captured); });
  thread.join();
  ASSERT_GE(captured.walked_count, 12);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(captured.unwound[i], captured.walked[i]) << i;
}

TEST(StackCaptureTest, RespectsCapacityAndSkip) {
  uintptr_t frames[4] = {1, 2, 3, 4};
  EXPECT_EQ(CaptureStack(frames, 0, 0), 0u);
  EXPECT_EQ(frames[0], 1u);
  EXPECT_EQ(CaptureStack(frames, 2, 0), 2u);
  EXPECT_EQ(frames[2], 3u);
  EXPECT_EQ(CaptureStack(frames, 4, 1000), 0u);
  EXPECT_EQ(WalkFramePointers(frames, 0), 0);
  EXPECT_EQ(WalkFramePointers(frames, 1), 1);
  EXPECT_EQ(frames[2], 3u);
}

TEST(StackCaptureTest, DeepStackAfterShallowOne) {
  Captured captured = {};
  std::thread thread([&] {
    Recurse(0, &captured);
    Recurse(5000, &captured);
  });
  thread.join();
  ASSERT_EQ(captured.walked_count, 64);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(captured.unwound[i], captured.walked[i]) << i;
}

TEST(StackCaptureTest, DoesNotAllocateEvenOnANewThread) {
#ifndef RQLOCKDEP_WATCH_MALLOC
  GTEST_SKIP() << "malloc belongs to a sanitizer";
#endif
  WarmUpStackCapture();
  delete new int;  // the double counts
  watching = true;
  void* block = malloc(1);
  EXPECT_EQ(allocations, 1);
  free(block);
  allocations = 0;
  watching = false;
  std::thread thread([&] {
    Captured captured = {};
    watching = true;
    Recurse(20, &captured);
    watching = false;
  });
  thread.join();
  EXPECT_EQ(allocations, 0);
}

TEST(StackCaptureTest, KeepsErrno) {
  uintptr_t frames[8];
  errno = ERANGE;
  CaptureStack(frames, 8, 0);
  std::thread thread([&] {
    errno = EDOM;
    WalkFramePointers(frames, 8);
    EXPECT_EQ(errno, EDOM);
  });
  thread.join();
  EXPECT_EQ(errno, ERANGE);
}

Captured in_handler;

void Handler(int) { Recurse(3, &in_handler); }

TEST(StackCaptureTest, WorksInAHandlerOnAnAlternateStack) {
  const size_t size = 256 << 10;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = size;
  stack_t old_stack;
  ASSERT_EQ(sigaltstack(&stack, &old_stack), 0);
  struct sigaction action = {};
  action.sa_handler = &Handler;
  action.sa_flags = SA_ONSTACK;
  struct sigaction old_action;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old_action), 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old_action, nullptr);
  sigaltstack(&old_stack, nullptr);
  munmap(memory, size);
  EXPECT_GE(in_handler.unwound_count, 4u);
  EXPECT_GE(in_handler.walked_count, 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(in_handler.unwound[i], in_handler.walked[i]) << i;
}

// Frame chains as they look in code without frame pointers: the register holds anything.
TEST(WalkFramePointersTest, SurvivesNonsense) {
  uintptr_t frames[16];
  const size_t page = 4096;
  char* memory = static_cast<char*>(
      mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + 2 * page, page, PROT_NONE), 0);
  char* edge = memory + 2 * page;

  for (uintptr_t nonsense :
       {uintptr_t{0}, uintptr_t{1}, uintptr_t{8}, uintptr_t{0x1234567}, ~uintptr_t{0},
        ~uintptr_t{7}, uintptr_t{1} << 63, reinterpret_cast<uintptr_t>(edge),
        reinterpret_cast<uintptr_t>(edge) - 8}) {
    EXPECT_EQ(WalkFramePointers(frames, 16, reinterpret_cast<void*>(nonsense)), 0) << nonsense;
  }

  // A frame whose caller's frame is: itself, below, unmapped, unaligned, too far, half readable.
  auto* frame = reinterpret_cast<uintptr_t*>(memory + page);
  frame[1] = 0x401000;
  const uintptr_t here = reinterpret_cast<uintptr_t>(frame);
  for (uintptr_t next :
       {here, here - 64, reinterpret_cast<uintptr_t>(edge), here + 9, here + (uintptr_t{1} << 30),
        reinterpret_cast<uintptr_t>(edge) - 8, ~uintptr_t{7}}) {
    frame[0] = next;
    EXPECT_EQ(WalkFramePointers(frames, 16, frame), 1) << next;
    EXPECT_EQ(frames[0], 0x401000u);
  }

  // The same on the thread's own stack: the first word leads out of its upper end.
  uintptr_t local[2];
  local[1] = 0x401000;
  for (uintptr_t distance = 16; distance < (uintptr_t{64} << 20); distance += 4096) {
    local[0] = reinterpret_cast<uintptr_t>(local) + distance;
    EXPECT_GE(WalkFramePointers(frames, 16, local), 1);
  }
  munmap(memory, 3 * page);
}

}  // namespace
}  // namespace rqlockdep
