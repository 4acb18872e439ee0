#include "src/native_policy.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include "src/slice_extension.h"

namespace rqlockdep::internal {

namespace {

constinit thread_local int unlisted_holds __attribute__((tls_model("initial-exec"))) = 0;
constinit thread_local uint32_t look_cost __attribute__((tls_model("initial-exec"))) = 0;

enum class SliceState : uint8_t { kNotAsked, kNone, kEnabled };
constinit thread_local SliceState slice_state __attribute__((tls_model("initial-exec"))) =
    SliceState::kNotAsked;
constinit thread_local SliceControl* slice_control __attribute__((tls_model("initial-exec"))) =
    nullptr;
constinit thread_local SliceExtension slice_extension __attribute__((tls_model("initial-exec")));

class ErrnoKeeper {
 public:
  ErrnoKeeper() : saved_(errno) {}
  ~ErrnoKeeper() { errno = saved_; }

 private:
  const int saved_;
};

// True if the time is up.
bool FutexWait(const void* word, uint32_t expected, int64_t nanoseconds) {
  ErrnoKeeper keeper;
  const timespec duration{.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000),
                          .tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000)};
  return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &duration, nullptr, 0) != 0 &&
         errno == ETIMEDOUT;
}

}  // namespace

CellChunk* NativePolicy::NewChunk() {
  ErrnoKeeper keeper;
  void* const memory =
      mmap(nullptr, sizeof(CellChunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : ::new (memory) CellChunk;
}

int& NativePolicy::UnlistedHolds() { return unlisted_holds; }

uint32_t& NativePolicy::LookCost() { return look_cost; }

int64_t NativePolicy::Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void NativePolicy::Yield() { sched_yield(); }

bool NativePolicy::BeginSlice() {
  if (slice_state == SliceState::kNone) [[likely]]
    return false;
  if (slice_state == SliceState::kNotAsked) {
    slice_control = SliceExtension::Enable();
    slice_state = slice_control != nullptr ? SliceState::kEnabled : SliceState::kNone;
    if (slice_control == nullptr) return false;
  }
  slice_extension.Begin(*slice_control);
  return true;
}

void NativePolicy::EndSlice() {
  // Null if another thread's lock is unlocked, which a regular lock allows.
  if (slice_control != nullptr) slice_extension.End(*slice_control, &SliceExtension::YieldSlice);
}

bool NativePolicy::Sleep(LockWord& word, uint8_t locked, uint8_t pending, uint16_t tail,
                         int64_t nanoseconds) {
  // The four bytes as they lie in memory, which is all the kernel compares.
  uint8_t bytes[4] = {locked, pending, 0, 0};
  std::memcpy(&bytes[2], &tail, sizeof(tail));
  uint32_t expected;
  std::memcpy(&expected, bytes, sizeof(expected));
  return FutexWait(&word, expected, nanoseconds);
}

bool NativePolicy::Sleep(std::atomic<uint32_t>& word, uint32_t value, int64_t nanoseconds) {
  return FutexWait(&word, value, nanoseconds);
}

void NativePolicy::Wake(const void* word, int count) {
  ErrnoKeeper keeper;
  // Only the address counts; nothing is read there.
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace rqlockdep::internal
