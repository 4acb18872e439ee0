// The locks that a thread holds, in the order of taking, and a way to find one by its address.
//
// A record is one cache line and is written in few stores: a locked instruction follows in the
// lock, and it waits for every store before it, and for every load that the hook's branches depend
// on. What was popped stays where it was: whoever takes the same lock again in the same way finds
// the record made (Popped). Few locks are found by looking at all of them, many (more than
// kShallow) by a hash table of their addresses; so the cost does not grow with the depth. There is
// no limit on the depth.
//
// Threads: all calls by the owner, but For...FromOutside: other threads may walk the records (to
// see whether a lock that is destroyed is held, who waits for whom), which is why the fields that
// they read are atomic and why the memory of a stack that has grown stays mapped until the end.
#ifndef RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
#define RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/chain_key.h"
#include "validator/core/finding.h"
#include "validator/core/ids.h"

namespace rqlockdep {

struct HeldLock {
  std::atomic<const hooks::LockMap*> lock{nullptr};
  std::atomic<uint64_t> facts{0};  // HeldFacts
  ChainKey key_after = 0;          // the chain of everything held up to this lock
  uint32_t context = 0;            // number of the context in which it was taken
  StackId stack = kNoStack;        // of this acquisition, or of the first time of its chain
  CallSite site;                   // only the first site_depth frames are set

  uint64_t all_facts() const { return facts.load(std::memory_order_relaxed); }
  ClassId class_id() const { return AcquisitionFacts::ClassOf(all_facts()); }
  LockMode mode() const { return AcquisitionFacts::ModeOf(all_facts()); }
  Strength strength() const { return AcquisitionFacts::StrengthOf(all_facts()); }
  LockKind kind() const { return HeldFacts::KindOf(all_facts()); }
  bool stack_is_exact() const { return (all_facts() & HeldFacts::kStackIsExact) != 0; }
  bool is_waiting() const { return (all_facts() & HeldFacts::kWaiting) != 0; }
  CallSite call_site() const {
    CallSite result;
    for (int i = 0; i < HeldFacts::SiteDepthOf(all_facts()); ++i) result.frames[i] = site.frames[i];
    return result;
  }

  // Relaxed: one word, which others only look at. The owner is the only writer.
  void SetFacts(uint64_t all) { facts.store(all, std::memory_order_relaxed); }
  void SetWaiting(bool waiting) {
    SetFacts(waiting ? all_facts() | HeldFacts::kWaiting : all_facts() & ~HeldFacts::kWaiting);
  }
  bool is(const hooks::LockMap* other) const {
    return lock.load(std::memory_order_relaxed) == other;
  }
};
static_assert(sizeof(HeldLock) == 64);

class HeldStack {
 public:
  HeldStack() = default;
  ~HeldStack();
  HeldStack(const HeldStack&) = delete;
  HeldStack& operator=(const HeldStack&) = delete;

  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kShallow = 16;

  uint32_t depth() const { return depth_.load(std::memory_order_relaxed); }
  HeldLock& operator[](uint32_t index) const {
    return records_.load(std::memory_order_relaxed)[index];  // written by this thread
  }

  // The newest record of `lock`, or kNone.
  uint32_t Find(const hooks::LockMap* lock) const {
    return depth() <= kShallow ? FindBelow(lock, depth()) : FindDeep(lock);
  }
  // False if `lock` is surely not held. Of a shallow stack, and at the same price at every depth:
  // it compares the low halves of all addresses at once.
  bool MayHoldInShallow(const hooks::LockMap* lock) const {
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(LowHalf(lock)));
    const auto* halves = reinterpret_cast<const __m128i*>(low_halves_);
    const __m128i first = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(halves), wanted),
                                          _mm_cmpeq_epi32(_mm_load_si128(halves + 1), wanted));
    const __m128i second = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(halves + 2), wanted),
                                           _mm_cmpeq_epi32(_mm_load_si128(halves + 3), wanted));
    const auto equal = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(first, second)));
    // Halves beyond the depth are of locks that were held earlier.
    return (equal & ((1U << depth()) - 1)) != 0;
#else
    for (uint32_t i = 0; i < depth(); ++i) {
      if (low_halves_[i] == LowHalf(lock)) return true;
    }
    return false;
#endif
  }
  // The next older record of the lock of record `index`, or kNone.
  uint32_t FindOlder(uint32_t index) const;

  // A new record at the top whose lock is `lock`; null without memory. Other fields are stale: the
  // caller sets them all, then calls Publish.
  HeldLock* Push(const hooks::LockMap* lock) {
    if ((depth() >= capacity_ && !Grow()) || (depth() >= kShallow && !Index(lock))) return nullptr;
    return &SetTop(lock);
  }
  // The same where the stack is shallow and stays so: no calls.
  bool HasRoomInShallow() const { return depth() < shallow_capacity_; }
  HeldLock& PushInShallow(const hooks::LockMap* lock) { return SetTop(lock); }
  // The record that Publish would put on top, if it was there before, above the very records that
  // the stack has now: as long as none of them changed, what was true of it is still true. Else
  // null. Of a shallow stack that stays so.
  HeldLock* Popped() const { return depth() < popped_end_ ? &(*this)[depth()] : nullptr; }
  // A record was changed in place: those that stood above it are of no use any more.
  void ForgetPopped() { popped_end_ = 0; }
  // Release: pairs with the acquire load of depth_ in ForEachFromOutside.
  void Publish() { depth_.store(depth() + 1, std::memory_order_release); }

  // One store, so a signal handler sees the lock held or not held, nothing in between. Relaxed:
  // others that still see the old depth see a lock that was held a moment ago, which is all that a
  // snapshot says.
  void PopNewestOfShallow() { depth_.store(depth() - 1, std::memory_order_relaxed); }
  bool is_shallow() const { return depth() <= kShallow; }
  void PopNewest();

  // Removes all.
  void Clear() {
    depth_.store(0, std::memory_order_relaxed);
    ForgetPopped();
  }

  // Removes any record; those above move down one place.
  void Remove(uint32_t index);

  // Calls `visit(record)` for each record, from any thread. What it sees is a snapshot: records may
  // be taken and released meanwhile.
  template <typename Visitor>
  void ForEachFromOutside(Visitor visit) const {
    // Acquire: pairs with Publish; the records below are initialised, and the array that held them
    // then is visible (or a larger one with copies).
    const uint32_t depth = depth_.load(std::memory_order_acquire);
    const HeldLock* records = records_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < depth; ++i) visit(records[i]);
  }

  // The same for the oldest `count` records, which the owner does not change meanwhile: it waits
  // with a younger one. `visit(record, index)`.
  template <typename Visitor>
  void ForOldestFromOutside(uint32_t count, Visitor visit) const {
    // Acquire: at least the array that the records were in when the wait was published.
    const HeldLock* records = records_.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < count; ++i) visit(records[i], i);
  }

  // Calls `visit(address, bytes)` for each mapping. For tests.
  template <typename Visitor>
  void ForEachMapping(Visitor visit) const {
    for (const Mapping* m = mappings_; m != nullptr; m = m->previous) visit(m, m->bytes);
    if (buckets_ != nullptr) visit(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
  }

 private:
  uint32_t FindBelow(const hooks::LockMap* lock, uint32_t end) const {
    const HeldLock* records = records_.load(std::memory_order_relaxed);
    while (end != 0 && !records[end - 1].is(lock)) --end;
    return end - 1;
  }
  uint32_t FindDeep(const hooks::LockMap* lock) const;
  HeldLock& SetTop(const hooks::LockMap* lock) {
    HeldLock& record = (*this)[depth()];
    // Relaxed: Publish orders it.
    record.lock.store(lock, std::memory_order_relaxed);
    if (depth() < kShallow) {
      low_halves_[depth()] = LowHalf(lock);
      popped_end_ = depth() + 1;
    }
    return record;
  }
  static uint32_t LowHalf(const hooks::LockMap* lock) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(lock));
  }
  uint32_t Bucket(const hooks::LockMap* lock) const {
    // Locks are some ten bytes apart or pages apart: two shifts spread both.
    const auto address = reinterpret_cast<uintptr_t>(lock);
    return static_cast<uint32_t>((address >> 4) ^ (address >> 11)) & bucket_mask_;
  }
  bool Grow();
  // Makes the table fit for a record at depth() that is about to be pushed and enters it.
  bool Index(const hooks::LockMap* lock);
  void Reindex();

  // An array that the stack has outgrown; others may still read it.
  struct alignas(64) Mapping {
    Mapping* previous;
    size_t bytes;
  };

  // Of the addresses of the oldest locks held.
  alignas(64) uint32_t low_halves_[kShallow] = {};
  std::atomic<uint32_t> depth_{0};
  uint32_t shallow_capacity_ = 0;
  // The records up to here, also those above the depth, were each pushed on the one below.
  uint32_t popped_end_ = 0;
  std::atomic<HeldLock*> records_{nullptr};
  uint32_t capacity_ = 0;

  // The table, while the stack is deeper than kShallow.
  uint32_t bucket_mask_ = 0;
  uint32_t table_size_ = 0;
  uint32_t* buckets_ = nullptr;  // index + 1 of the newest record of each chain
  uint32_t* older_ = nullptr;    // index + 1 of the next older of each record's chain
  Mapping* mappings_ = nullptr;  // all arrays, the current one first; the head of each mapping
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
