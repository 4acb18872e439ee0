// The chains that a thread has already been judged for, each with the stack of its first time.
//
// It belongs to one thread. It grows without limit; when there is no memory for that it forgets
// everything, which costs time, not findings (the graph remembers).
//
// Of large programs what counts is how many cache lines and pages a look-up has to fetch, and that
// the processor guesses its way right: behind a branch that waits for memory and was guessed wrong
// nothing else is fetched meanwhile. So:
//   - Chains of one lock, which anybody takes who holds nothing, lie in an array by class: 4 bytes
//     for the stack's number and how the lock was asked for.
//   - All others lie in a hash table of slots of 8 bytes: the upper 40 bits of the key and the
//     stack's number. A line of eight slots is looked through at once, without a branch for each.
//   - A chain lies in the home line of the chain that it goes on from. Who takes a first lock has
//     what may follow fetched at once. What finds no room there goes to the line beside it, then
//     to the home line of its own.
//   - A large table asks for large pages.
// The whole keys lie apart, for the day when the table grows. With a million chains the chance that
// any two are taken for each other is under 1e-5; as with the keys themselves it would cost one
// check.
#ifndef RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
#define RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "validator/core/chain_key.h"
#include "validator/core/growing_array.h"
#include "validator/core/ids.h"

namespace rqlockdep {

class ChainCache {
 public:
  ChainCache() = default;
  ~ChainCache();
  ChainCache(const ChainCache&) = delete;
  ChainCache& operator=(const ChainCache&) = delete;

  // A chain: the one that it goes on from, what was asked for upon that (AcquisitionFacts), and its
  // own key, which follows from the two if nothing was special about what was asked for.
  struct Link {
    ChainKey before;
    uint64_t facts;
    ChainKey key;
  };

  bool Contains(const Link& link) const {
    StackId stack = kNoStack;
    return Find(link, &stack);
  }

  // True if the chain is known; then `*first_stack` is the stack that was stored with it.
  [[gnu::always_inline]] bool Find(const Link& link, StackId* first_stack) const {
    if (link.before != kEmptyChain) return FindFrom(HomeOf(link.before), link.key, first_stack);
    const ClassId id = AcquisitionFacts::ClassOf(link.facts);
    const uint32_t entry = id < single_count_ ? singles_[id] : 0;
    if (entry >> kStackBits != MannerOf(link.facts)) [[unlikely]] {
      return FindFrom(HomeOf(link.key), link.key, first_stack);
    }
    __builtin_prefetch(&lines_[HomeOf(link.key) & mask_]);
    *first_stack = entry & kStackMask;
    return true;
  }

  void Insert(const Link& link, StackId first_stack);

  // Forgets all chains. The memory is kept.
  void Clear();

  size_t size() const { return size_; }
  // What is mapped from the system for the look-up of chains of several locks, and of one.
  const void* memory() const { return lines_; }
  size_t mapped() const { return lines_ == nullptr ? 0 : (mask_ + 1) * sizeof(Line); }
  size_t mapped_for_singles() const { return single_count_ * sizeof(uint32_t); }
  // What is in use of all its memory.
  size_t bytes() const {
    constexpr size_t kBytesApart = sizeof(ChainKey) + sizeof(uint32_t);
    return mapped() + keys_.size() * kBytesApart + (size_ - keys_.size()) * sizeof(uint32_t);
  }

 private:
  static constexpr int kStackBits = 24;
  static constexpr uint64_t kStackMask = (uint64_t{1} << kStackBits) - 1;
  static constexpr int kSlots = 8;

  struct alignas(64) Line {
    uint64_t slots[kSlots];  // the first that are 0 are empty

    bool full() const { return slots[kSlots - 1] != 0; }
  };

  // Which line is the home of a chain, or of those that go on from it. The lowest bit of a key is
  // always set.
  static uint32_t HomeOf(ChainKey key) { return static_cast<uint32_t>(key >> 1); }
  static uint32_t HomeOf(const Link& link) {
    return HomeOf(link.before == kEmptyChain ? link.key : link.before);
  }
  // Where the chain is looked for, one line after the other.
  template <typename Visitor>
  void VisitLines(uint32_t home, ChainKey key, Visitor visit) const {
    if (visit(lines_[home & mask_]) || visit(lines_[(home ^ 1) & mask_])) return;
    for (size_t next = HomeOf(key); !visit(lines_[next & mask_]); ++next) {
    }
  }

  // Mode and strength, with a mark so that it is not 0; above 255 if there is more to say.
  static uint64_t MannerOf(uint64_t facts) { return (facts >> 32) | 0x80; }
  // False if it is for the table.
  bool PutSingle(const Link& link, StackId first_stack);
  bool GrowSingles(size_t count);

  static bool Matches(uint64_t entry, ChainKey key) { return ((entry ^ key) >> kStackBits) == 0; }
  // Bit i is set if slot i may match: its upper 32 bits do.
  static uint32_t MayMatch(const Line& line, ChainKey key) {
    const auto upper = static_cast<uint32_t>(key >> 32);
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(upper));
    const auto four = [&](int first) {
      const auto* slots = reinterpret_cast<const float*>(line.slots + first);
      const __m128 halves = _mm_shuffle_ps(_mm_load_ps(slots), _mm_load_ps(slots + 4), 0xdd);
      return _mm_cmpeq_epi32(_mm_castps_si128(halves), wanted);
    };
    const __m128i equal = _mm_packs_epi32(four(0), four(4));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, equal))) & 0xff;
#else
    uint32_t result = 0;
    for (int i = 0; i < kSlots; ++i) {
      result |= static_cast<uint32_t>((line.slots[i] >> 32) == upper) << i;
    }
    return result;
#endif
  }

  [[gnu::always_inline]] bool FindFrom(uint32_t home, ChainKey key, StackId* first_stack) const {
    if (lines_ == nullptr) return false;
    const Line& line = lines_[home & mask_];
    const uint32_t candidates = MayMatch(line, key);
    if (candidates != 0) [[likely]] {
      const uint64_t entry = line.slots[__builtin_ctz(candidates)];
      if (Matches(entry, key)) [[likely]] {
        *first_stack = static_cast<StackId>(entry & kStackMask);
        return entry != 0;
      }
    }
    if (candidates == 0 && !line.full()) return false;
    return FindFurther(home, key, first_stack);
  }
  // The same where the first look does not tell.
  bool FindFurther(uint32_t home, ChainKey key, StackId* first_stack) const;
  void Put(uint32_t home, ChainKey key, StackId first_stack);
  bool Grow();

  Line* lines_ = nullptr;
  size_t mask_ = 0;
  size_t size_ = 0;
  uint32_t* singles_ = nullptr;  // of each class; 0: unknown
  size_t single_count_ = 0;
  // Of each chain in the table.
  GrowingArray<ChainKey> keys_;
  GrowingArray<uint32_t> homes_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_CHAIN_CACHE_H_
