// A growing array whose elements never move, so that one thread may append while others read.
//
// Segment k holds 2^(kFirstLog2 + k) elements; an index is found with one count of leading zeros.
// There is no limit but memory (2^32 elements). Memory comes from mmap and is returned by the
// destructor only.
//
// Threads: one writer at a time; readers may read every element that the writer published to them
// (by a release store of an index or a size that they read with acquire order).
#ifndef RQLOCKDEP_VALIDATOR_CORE_SEGMENTED_VECTOR_H_
#define RQLOCKDEP_VALIDATOR_CORE_SEGMENTED_VECTOR_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "validator/core/arena.h"

namespace rqlockdep {

template <typename T, int kFirstLog2 = 6>
class SegmentedVector {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  SegmentedVector() = default;
  ~SegmentedVector() {
    for (int k = 0; k < kSegments; ++k) {
      T* segment = segments_[k].load(std::memory_order_relaxed);
      if (segment != nullptr) UnmapMemory(segment, Capacity(k) * sizeof(T));
    }
  }
  SegmentedVector(const SegmentedVector&) = delete;
  SegmentedVector& operator=(const SegmentedVector&) = delete;

  // The element must be within what EnsureSize made.
  T& operator[](uint32_t index) const {
    const uint64_t biased = uint64_t{index} + kFirst;
    const int k = std::bit_width(biased) - 1 - kFirstLog2;
    // Relaxed: whoever got the index got it after the segment was published (see EnsureSize), and
    // the address of the element depends on the value loaded here.
    return segments_[k].load(std::memory_order_relaxed)[biased - (kFirst << k)];
  }

  // Makes indices below `size` valid. False when there is no memory. Writer only.
  bool EnsureSize(uint32_t size) {
    while (size > made_) {
      const int k = segment_count_;
      void* memory = MapMemory(Capacity(k) * sizeof(T));
      if (memory == nullptr) return false;
      T* segment = static_cast<T*>(memory);
      // Release: pairs with the reader's acquire load of the index or size that leads here.
      segments_[k].store(segment, std::memory_order_release);
      ++segment_count_;
      made_ += Capacity(k);
    }
    // One by one, so that the pages beyond the size are not touched and take no memory.
    if constexpr (!std::is_trivially_default_constructible_v<T>) {
      for (; constructed_ < size; ++constructed_) new (&(*this)[constructed_]) T();
    }
    return true;
  }

  // Calls `visit(address, bytes)` for each mapping. Writer only; for tests.
  template <typename Visitor>
  void ForEachMapping(Visitor visit) const {
    for (int k = 0; k < segment_count_; ++k) {
      visit(segments_[k].load(std::memory_order_relaxed), Capacity(k) * sizeof(T));
    }
  }

 private:
  static constexpr uint64_t kFirst = uint64_t{1} << kFirstLog2;
  static constexpr int kSegments = 33 - kFirstLog2;
  static constexpr size_t Capacity(int k) { return size_t{kFirst} << k; }

  std::atomic<T*> segments_[kSegments] = {};
  uint64_t made_ = 0;
  uint32_t constructed_ = 0;  // of a T that zeroed memory is not
  int segment_count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_SEGMENTED_VECTOR_H_
