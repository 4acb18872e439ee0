// A contiguous array that grows and keeps its contents. From mmap; for plain data and one user at a
// time. Elements move when it grows; where they must not, there is SegmentedVector.
#ifndef RQLOCKDEP_VALIDATOR_CORE_GROWING_ARRAY_H_
#define RQLOCKDEP_VALIDATOR_CORE_GROWING_ARRAY_H_

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "validator/core/arena.h"

namespace rqlockdep {

template <typename T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  GrowingArray() = default;
  ~GrowingArray() {
    if (data_ != nullptr) UnmapMemory(data_, capacity_ * sizeof(T));
  }
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;

  // False when there is no memory: the array is then as before.
  [[nodiscard]] bool PushBack(const T& element) {
    if (size_ == capacity_ && !Grow()) return false;
    data_[size_++] = element;
    return true;
  }
  void PopBack() { --size_; }
  // Removes all; the memory is kept.
  void Clear() { size_ = 0; }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  T& front() { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  T& operator[](size_t index) { return data_[index]; }

 private:
  bool Grow() {
    constexpr size_t kFirst = 256;
    const size_t capacity = capacity_ == 0 ? kFirst : 2 * capacity_;
    void* memory = MapMemory(capacity * sizeof(T));
    if (memory == nullptr) return false;
    if (data_ != nullptr) {
      memcpy(memory, data_, size_ * sizeof(T));
      UnmapMemory(data_, capacity_ * sizeof(T));
    }
    data_ = static_cast<T*>(memory);
    capacity_ = capacity;
    return true;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_GROWING_ARRAY_H_
