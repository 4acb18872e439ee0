// Memory for the validator: anonymous mappings, handed out in pieces and never given back.
//
// The hook path must not call malloc (the program may be inside it), so everything that the
// validator keeps comes from here. What it keeps grows with the number of different classes, orders
// and findings, not with the number of acquisitions; that is why nothing is freed piece by piece.
//
// Not thread-safe: an arena belongs to one thread or is used under the graph lock. Signal-safe
// apart from that (mmap only). Out of memory is a null pointer; the caller goes quiet.
#ifndef RQLOCKDEP_VALIDATOR_CORE_ARENA_H_
#define RQLOCKDEP_VALIDATOR_CORE_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

namespace rqlockdep {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Zeroed memory, or null. `alignment` is a power of two, at most a page.
  void* Allocate(size_t size, size_t alignment);

  // A value-initialised T, or null. Its destructor will not run.
  template <typename T>
  T* New() {
    static_assert(std::is_trivially_destructible_v<T>);
    void* memory = Allocate(sizeof(T), alignof(T));
    return memory == nullptr ? nullptr : new (memory) T();
  }

  // `count` value-initialised Ts; an empty span when there is no memory (or nothing to make).
  template <typename T>
  std::span<T> NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    void* memory = Allocate(sizeof(T) * count, alignof(T));
    if (memory == nullptr) return {};
    T* first = static_cast<T*>(memory);
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  // Bytes mapped from the system.
  size_t mapped() const { return mapped_; }

 private:
  struct Chunk {
    Chunk* previous;
    size_t size;
  };

  Chunk* chunks_ = nullptr;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  size_t mapped_ = 0;
};

// An anonymous mapping of at least `size` bytes, zeroed, or null.
void* MapMemory(size_t size);
// How often it was null in this process so far.
uint64_t MapFailures();
void UnmapMemory(void* memory, size_t size);
// Asks for large pages for memory that is read at random, if it is large enough for them. A hint.
void UseLargePages(void* memory, size_t size);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_ARENA_H_
