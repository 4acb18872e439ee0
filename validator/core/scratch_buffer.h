// A contiguous buffer that grows and keeps its memory for the next use. From mmap; contents are
// lost when it grows. One user at a time.
#ifndef RQLOCKDEP_VALIDATOR_CORE_SCRATCH_BUFFER_H_
#define RQLOCKDEP_VALIDATOR_CORE_SCRATCH_BUFFER_H_

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

#include "validator/core/arena.h"

namespace rqlockdep {

template <typename T>
class ScratchBuffer {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  ScratchBuffer() = default;
  ~ScratchBuffer() {
    if (data_ != nullptr) UnmapMemory(data_, capacity_ * kElement);
  }
  ScratchBuffer(const ScratchBuffer&) = delete;
  ScratchBuffer& operator=(const ScratchBuffer&) = delete;

  // `size` value-initialised elements, valid until the next call; empty without memory.
  std::span<T> Get(size_t size) {
    if (size > capacity_) {
      const size_t capacity = size * 2 < kFirst ? kFirst : size * 2;
      void* memory = MapMemory(capacity * kElement);
      if (memory == nullptr) return {};
      if (data_ != nullptr) UnmapMemory(data_, capacity_ * kElement);
      data_ = static_cast<T*>(memory);
      capacity_ = capacity;
    }
    for (size_t i = 0; i < size; ++i) new (data_ + i) T();
    return {data_, size};
  }

 private:
  static constexpr size_t kFirst = 64;
  // NOLINTNEXTLINE(bugprone-sizeof-expression): T may well be a pointer.
  static constexpr size_t kElement = sizeof(T);
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_SCRATCH_BUFFER_H_
