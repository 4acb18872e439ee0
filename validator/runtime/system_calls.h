// System calls as the runtime needs them: raw, so that no call is a cancellation point (a thread
// may be cancelled in read(2), and then it would die inside a hook), none goes through a
// sanitizer's interceptor, and errno stays what the program knows.
//
// All are signal-safe. Failure is a negative errno.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_SYSTEM_CALLS_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_SYSTEM_CALLS_H_

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>

namespace rqlockdep {

// Keeps errno over a block.
class ErrnoSaver {
 public:
  ErrnoSaver() : saved_(errno) {}
  ~ErrnoSaver() { errno = saved_; }
  ErrnoSaver(const ErrnoSaver&) = delete;
  ErrnoSaver& operator=(const ErrnoSaver&) = delete;

 private:
  const int saved_;
};

template <typename... Arguments>
inline long RawSystemCall(long number, Arguments... arguments) {
  ErrnoSaver saver;
  const long result = syscall(number, arguments...);
  return result == -1 ? -errno : result;
}

// Always close-on-exec.
inline int RawOpen(const char* path, int flags, int mode = 0) {
  return static_cast<int>(
      RawSystemCall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, mode));
}

inline void RawClose(int fd) { RawSystemCall(SYS_close, fd); }

// Reads once, again only after an interruption.
inline ptrdiff_t RawRead(int fd, void* buffer, size_t size) {
  long result;
  do {
    result = RawSystemCall(SYS_read, fd, buffer, size);
  } while (result == -EINTR);
  return result;
}

// Writes everything, however many calls it takes; false when that is not possible. A reader that
// does not read is waited for if the program made the descriptor blocking; else for a second or so
// each time.
inline bool RawWriteAll(int fd, const char* data, size_t size) {
  constexpr int kPatience = 100;
  int patience = kPatience;
  while (size > 0) {
    const long written = RawSystemCall(SYS_write, fd, data, size);
    if (written == -EINTR) continue;
    if (written == -EAGAIN && patience-- > 0) {
      pollfd writable = {fd, POLLOUT, 0};
      timespec limit = {0, 10'000'000};
      RawSystemCall(SYS_ppoll, &writable, 1, &limit, nullptr, 0);
      continue;
    }
    if (written <= 0) return false;
    patience = kPatience;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// The whole of a small file, such as one of /proc, as a string; its length, or a negative errno.
inline ptrdiff_t ReadSmallFile(const char* path, char* buffer, size_t capacity) {
  const int fd = RawOpen(path, O_RDONLY);
  if (fd < 0) return fd;
  size_t size = 0;
  while (size + 1 < capacity) {
    const ptrdiff_t got = RawRead(fd, buffer + size, capacity - 1 - size);
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  RawClose(fd);
  buffer[size] = '\0';
  return static_cast<ptrdiff_t>(size);
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_SYSTEM_CALLS_H_
