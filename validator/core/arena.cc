#include "validator/core/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace rqlockdep {
namespace {

// Small at first, so that a program with three locks pays for three locks; the kernel maps pages
// only when they are touched, so the larger steps cost address space, not memory.
constexpr size_t kFirstChunk = size_t{64} << 10;
constexpr size_t kLargestChunk = size_t{4} << 20;

// Relaxed: whoever asks was given the null pointers in question, or comes to know of them by
// chance.
constinit std::atomic<uint64_t> map_failures{0};

std::byte* AlignUp(std::byte* pointer, size_t alignment) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return pointer + (((address + alignment - 1) & ~(alignment - 1)) - address);
}

}  // namespace

void* MapMemory(size_t size) {
  const int saved_errno = errno;
  void* memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, 0);
  if (memory != MAP_FAILED) return memory;
  errno = saved_errno;
  map_failures.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

uint64_t MapFailures() { return map_failures.load(std::memory_order_relaxed); }

void UnmapMemory(void* memory, size_t size) { munmap(memory, size); }

void UseLargePages(void* memory, size_t size) {
  constexpr size_t kLargePage = size_t{2} << 20;
  if (size < kLargePage) return;
  const int saved_errno = errno;
  madvise(memory, size, MADV_HUGEPAGE);
  errno = saved_errno;
}

Arena::~Arena() {
  while (chunks_ != nullptr) {
    Chunk* chunk = chunks_;
    chunks_ = chunk->previous;
    UnmapMemory(chunk, chunk->size);
  }
}

void* Arena::Allocate(size_t size, size_t alignment) {
  std::byte* start = AlignUp(next_, alignment);
  if (next_ == nullptr || size > static_cast<size_t>(end_ - next_) ||
      static_cast<size_t>(start - next_) > static_cast<size_t>(end_ - next_) - size) {
    const size_t wanted = std::clamp(mapped_, kFirstChunk, kLargestChunk);
    const size_t needed = size + alignment + sizeof(Chunk);
    const size_t chunk_size = std::max(wanted, (needed + kFirstChunk - 1) & ~(kFirstChunk - 1));
    void* memory = MapMemory(chunk_size);
    if (memory == nullptr) return nullptr;
    auto* chunk = static_cast<Chunk*>(memory);
    *chunk = {chunks_, chunk_size};
    chunks_ = chunk;
    mapped_ += chunk_size;
    next_ = reinterpret_cast<std::byte*>(chunk + 1);
    end_ = static_cast<std::byte*>(memory) + chunk_size;
    start = AlignUp(next_, alignment);
  }
  next_ = start + size;
  return start;
}

}  // namespace rqlockdep
