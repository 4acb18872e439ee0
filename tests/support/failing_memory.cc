#include "tests/support/failing_memory.h"

#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace rqlockdep {
namespace {

constinit MemoryFailures current;
constinit std::atomic<uint64_t> asked{0};

}  // namespace

void FailMappings(const MemoryFailures& failures) {
  current = failures;
  asked = 0;
}

uint64_t MappingsAskedFor() { return asked; }

}  // namespace rqlockdep

extern "C" {
// NOLINTBEGIN: the linker wants these names.
void* __real_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  if ((flags & MAP_ANONYMOUS) != 0) {
    const uint64_t number = rqlockdep::asked.fetch_add(1, std::memory_order_relaxed);
    const rqlockdep::MemoryFailures& failures = rqlockdep::current;
    if (number >= failures.first && (number - failures.first) % failures.step == 0 &&
        (number - failures.first) / failures.step < failures.count) {
      errno = ENOMEM;
      return MAP_FAILED;
    }
  }
  return __real_mmap(address, size, protection, flags, fd, offset);
}
// NOLINTEND
}
