#include "tests/support/mapping_recorder.h"

#include <sys/mman.h>
#include <sys/types.h>

#include <map>
#include <mutex>

namespace rqlockdep {
namespace {

// Constant-initialised, or made at the first call: the first mapping comes before main.
constinit std::mutex g_mutex;
std::map<void*, size_t>& Mappings() {
  static auto* const mappings = new std::map<void*, size_t>();
  return *mappings;
}

}  // namespace

std::vector<Mapping> RecordedMappings() {
  const std::scoped_lock guard(g_mutex);
  std::vector<Mapping> mappings;
  for (const auto& [memory, size] : Mappings()) {
    mappings.emplace_back(static_cast<std::byte*>(memory), size);
  }
  return mappings;
}

}  // namespace rqlockdep

extern "C" {
// NOLINTBEGIN: the linker wants these names.
void* __real_mmap(void* address, size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void* address, size_t size);

void* __wrap_mmap(void* address, size_t size, int protection, int flags, int file, off_t offset);
void* __wrap_mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) {
  void* const memory = __real_mmap(address, size, protection, flags, file, offset);
  if (memory != MAP_FAILED) {
    const std::scoped_lock guard(rqlockdep::g_mutex);
    rqlockdep::Mappings()[memory] = size;
  }
  return memory;
}

int __wrap_munmap(void* address, size_t size);
int __wrap_munmap(void* address, size_t size) {
  const std::scoped_lock guard(rqlockdep::g_mutex);
  rqlockdep::Mappings().erase(address);
  return __real_munmap(address, size);
}
// NOLINTEND
}
