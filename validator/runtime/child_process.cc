#include "validator/runtime/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <cstdint>

#include "validator/core/arena.h"
#include "validator/runtime/system_calls.h"

// glibc's other name of clone(). Sanitizers intercept `clone` and prepare for a fork, with locks of
// theirs; ours is none, since the child runs nothing but the function below.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument,
                       ...) noexcept;

#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define RQLOCKDEP_NO_INSTRUMENTATION __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef RQLOCKDEP_NO_INSTRUMENTATION
#define RQLOCKDEP_NO_INSTRUMENTATION \
  __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))
#endif

// How it stays unnoticed: two processes. A process without a signal at its end is looked past by
// wait(), but the kernel takes that back when it executes a program. So there is a watcher in
// between, which does not: our thread stops until the watcher is done (CLONE_VFORK), and meanwhile
// the watcher does in its place, in our memory and with our table of descriptors, what is to be
// done: it starts the program as its own child, reads from it and waits for it. All signals are
// blocked that long, so that no handler of the program's runs in a process that is not its own.
namespace rqlockdep {
namespace {

constexpr size_t kStackSize = size_t{64} << 10;
constexpr size_t kKernelSignalSetSize = 8;

// What the three processes share, in memory that they all see.
struct Shared {
  const char* const* programs;
  const char* const* argv;
  int seconds;
  char* output;
  size_t capacity;
  size_t* size;
  ChildOutcome outcome;
  int null_fd;
  int output_fd;
  alignas(16) char watcher_stack[kStackSize];
  alignas(16) char program_stack[kStackSize];
};

// Runs in the program's process until that executes, while the watcher waits. System calls only,
// all direct: a function that never returns would leave a mark in a sanitizer's records of this
// thread. All signals stay blocked, for handlers must not run here; the new program does not mind.
RQLOCKDEP_NO_INSTRUMENTATION int ProgramMain(void* argument) {
  const auto* shared = static_cast<const Shared*>(argument);
  static const char* const kNoEnvironment[] = {nullptr};
  syscall(SYS_dup3, shared->null_fd, 0, 0);
  syscall(SYS_dup3, shared->output_fd, 1, 0);
  syscall(SYS_dup3, shared->null_fd, 2, 0);
#ifdef SYS_close_range
  // This process's table of descriptors is a copy. An old kernel does not know the call; then what
  // our program did not mark close-on-exec is open in the other for a moment.
  syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
  for (const char* const* program = shared->programs; *program != nullptr; ++program) {
    syscall(SYS_execve, *program, shared->argv, kNoEnvironment);
  }
  constexpr int kCannotExecute = 127;
  syscall(SYS_exit, kCannotExecute);
  __builtin_unreachable();
}

// Away from 0, 1 and 2, which the program may have closed: there they would get into each other's
// way in the child.
int MoveUp(int fd) {
  if (fd < 0 || fd > 2) return fd;
  const int moved = static_cast<int>(RawSystemCall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3));
  RawClose(fd);
  return moved;
}

int64_t NowInMilliseconds() {
  timespec now = {};
  RawSystemCall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// False when the time is up.
bool ReadUntilEnd(int fd, int64_t deadline, char* output, size_t capacity, size_t* size) {
  char dropped[512];
  while (true) {
    const int64_t left = deadline - NowInMilliseconds();
    if (left <= 0) return false;
    pollfd readable = {fd, POLLIN, 0};
    timespec limit = {static_cast<time_t>(left / 1000), static_cast<long>(left % 1000) * 1000000};
    const long ready = RawSystemCall(SYS_ppoll, &readable, 1, &limit, nullptr, 0);
    if (ready == 0) return false;
    if (ready < 0) continue;  // interrupted; the deadline ends this
    const bool full = *size == capacity;
    const ptrdiff_t got =
        RawRead(fd, full ? dropped : output + *size, full ? sizeof(dropped) : capacity - *size);
    if (got <= 0) return true;
    if (!full) *size += static_cast<size_t>(got);
  }
}

// The watcher's work.
ChildOutcome StartAndWatch(Shared* shared) {
  int ends[2];
  if (RawSystemCall(SYS_pipe2, ends, O_CLOEXEC) < 0) return ChildOutcome::kFailed;
  const int read_fd = MoveUp(ends[0]);
  shared->output_fd = MoveUp(ends[1]);
  shared->null_fd = MoveUp(RawOpen("/dev/null", O_RDWR));
  const int pid = __clone(&ProgramMain, shared->program_stack + kStackSize,
                          CLONE_VM | CLONE_VFORK | SIGCHLD, shared);
  RawClose(shared->null_fd);
  RawClose(shared->output_fd);
  ChildOutcome outcome = ChildOutcome::kFailed;
  if (pid > 0) {
    const int64_t deadline = NowInMilliseconds() + int64_t{shared->seconds} * 1000;
    const bool in_time =
        ReadUntilEnd(read_fd, deadline, shared->output, shared->capacity, shared->size);
    if (!in_time) RawSystemCall(SYS_kill, pid, SIGKILL);
    int status = 0;
    while (RawSystemCall(SYS_wait4, pid, &status, 0, nullptr) == -EINTR) {
    }
    if (!in_time) {
      outcome = ChildOutcome::kTimedOut;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      outcome = ChildOutcome::kOk;
    }
  }
  RawClose(read_fd);
  return outcome;
}

RQLOCKDEP_NO_INSTRUMENTATION int WatcherMain(void* argument) {
  auto* shared = static_cast<Shared*>(argument);
  shared->outcome = StartAndWatch(shared);
  syscall(SYS_exit, 0);
  __builtin_unreachable();
}

}  // namespace

ChildOutcome RunChild(const char* const* programs, const char* const* argv, int seconds,
                      char* output, size_t capacity, size_t* size) {
  ErrnoSaver saver;
  *size = 0;
  auto* shared = static_cast<Shared*>(MapMemory(sizeof(Shared)));
  if (shared == nullptr) return ChildOutcome::kFailed;
  shared->programs = programs;
  shared->argv = argv;
  shared->seconds = seconds;
  shared->output = output;
  shared->capacity = capacity;
  shared->size = size;
  shared->outcome = ChildOutcome::kFailed;

  uint64_t all = ~uint64_t{0};
  uint64_t old_mask = 0;
  RawSystemCall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old_mask, kKernelSignalSetSize);
  const int pid = __clone(&WatcherMain, shared->watcher_stack + kStackSize,
                          CLONE_VM | CLONE_VFORK | CLONE_FILES, shared);
  if (pid > 0) {
    while (RawSystemCall(SYS_wait4, pid, nullptr, __WCLONE, nullptr) == -EINTR) {
    }
  }
  RawSystemCall(SYS_rt_sigprocmask, SIG_SETMASK, &old_mask, nullptr, kKernelSignalSetSize);
  const ChildOutcome outcome = shared->outcome;
  UnmapMemory(shared, sizeof(Shared));
  return outcome;
}

}  // namespace rqlockdep
