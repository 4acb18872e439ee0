#include "tests/support/failing_memory.h"

#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace rqlockdep {
namespace {

constinit MemoryFailures current;

// For what happens before main.
MemoryFailures FromEnvironment() {
  MemoryFailures failures;
  const char* first = std::getenv("RQLOCKDEP_TEST_FAIL_FIRST");
  const char* count = std::getenv("RQLOCKDEP_TEST_FAIL_COUNT");
  if (first != nullptr) failures.first = std::strtoull(first, nullptr, 10);
  if (count != nullptr) failures.count = std::strtoull(count, nullptr, 10);
  return failures;
}
constinit std::atomic<uint64_t> asked{0};

}  // namespace

void FailMappings(const MemoryFailures& failures) {
  munmap(mmap(nullptr, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
         1);  // reads the environment
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
    static const bool once = (rqlockdep::current = rqlockdep::FromEnvironment(), true);
    static_cast<void>(once);
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
