// The locks that a thread holds, in the order of taking, and a way to find one by its address.
//
// What was given back stays where it was: whoever takes the same lock again, in the same way, on
// top of the same chain, finds the record made and puts it on the stack with one store (FindMade).
// A locked instruction follows in the lock, and it waits for every store before it. So a record is
// not at a place that its depth says: each of the first kShallow depths has a row of kWays records,
// of which one at most is on the stack. Each record points to the one below it, and `top_` to the
// newest; a row's place in memory tells its depth, the address of a lock the two records of a row
// that may be its own. The cost does not grow with the depth.
//
// Records of more than kShallow locks lie in an array that grows, and are found by a hash table of
// the locks' addresses. There is no limit on the depth.
//
// Threads: all calls by the owner, but operator[] below a pinned wait and For...FromOutside: other
// threads may walk the records (to see whether a lock that is destroyed is held, who waits for
// whom), which is why the fields that they read are atomic and why the memory of a stack that has
// grown stays mapped until the end. Whoever walks down from a record that was on the stack comes
// to records that were on the stack meanwhile: a record is made again only while it is not on it,
// upon one that is.
#ifndef RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
#define RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rqlockdep/hooks.h"
#include "validator/core/chain_key.h"
#include "validator/core/finding.h"
#include "validator/core/ids.h"

namespace rqlockdep {

// What optimised code has of a record is one cache line: a call site of one frame.
struct alignas(64) HeldLock {
  std::atomic<const hooks::LockMap*> lock{nullptr};
  std::atomic<uint64_t> facts{0};         // HeldFacts
  ChainKey key_after = 0;                 // the chain of everything held up to this lock
  ChainKey key_below = 0;                 // the chain that it was put upon; of a shallow record
  std::atomic<HeldLock*> below{nullptr};  // the next older record
  uint32_t context = 0;                   // number of the context in which it was taken
  StackId stack = kNoStack;               // of this acquisition, or of the first time of its chain
  CallSite site;                          // only the first site_depth frames are set

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
static_assert(sizeof(HeldLock) == 128 && offsetof(HeldLock, site) + sizeof(uintptr_t) <= 64);

class HeldStack {
 public:
  HeldStack();
  ~HeldStack();
  HeldStack(const HeldStack&) = delete;
  HeldStack& operator=(const HeldStack&) = delete;

  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kShallow = 16;

  uint32_t depth() const {
    // Acquire: pairs with Publish and SetDeep, for other threads.
    const HeldLock* top = top_.load(std::memory_order_acquire);
    return IsMark(top) ? kShallow + deep_.load(std::memory_order_acquire) : Row(top);
  }
  // By the owner; or by another thread, of a record that stays on the stack meanwhile.
  HeldLock& operator[](uint32_t index) const {
    // Acquire: pairs with the release store in Grow.
    if (index >= kShallow) return records_.load(std::memory_order_acquire)[index - kShallow];
    HeldLock* record = NewestShallow();
    while (Row(record) > index + 1) record = Below(*record);
    return *record;
  }

  // The chain of everything held.
  ChainKey chain() const {
    return is_shallow() ? newest().key_after : (*this)[depth() - 1].key_after;
  }
  // That of an empty stack. Who changes it computes the keys of all records anew.
  ChainKey base_chain() const { return RowAt(0)->key_after; }
  void SetBaseChain(ChainKey key) { RowAt(0)->key_after = key; }

  // The newest record of `lock`, or kNone.
  uint32_t Find(const hooks::LockMap* lock) const {
    return is_shallow() ? FindBelow(lock, newest()) : FindDeep(lock);
  }
  // The next older record of the lock of record `index`, or kNone.
  uint32_t FindOlder(uint32_t index) const;

  // --- in few instructions; of a shallow stack ---
  // The newest record, if there is any, else one of no lock whose key is the base chain. Of a deep
  // stack it is one of no lock.
  HeldLock& newest() const { return *top_.load(std::memory_order_relaxed); }
  // A record that was made for `lock` with the facts that `facts()` gives, in this context, upon a
  // chain with the key of `newest`, which is newest(); or null. What was true of it then is true
  // now. Its call site may be another one; then Publish puts it on the stack.
  template <typename Facts>
  [[gnu::always_inline]] static HeldLock* FindMade(HeldLock& newest, const hooks::LockMap* lock,
                                                   uint32_t context, Facts facts) {
    HeldLock* made = Opaque(PairOf(newest, lock));
    if (!made->is(lock) || made->key_below != newest.key_after) {
      made = Opaque(made + 1);
      if (!made->is(lock) || made->key_below != newest.key_after) return nullptr;
    }
    if (made->context != context || made->all_facts() != facts()) return nullptr;
    // It may have been upon another record with the same chain. No store for nothing.
    if (made->below.load(std::memory_order_relaxed) != &newest) {
      made->below.store(&newest, std::memory_order_relaxed);
    }
    return made;
  }
  // Whether PushUpon may be called.
  bool HasRoomUpon(const HeldLock& newest) const { return &newest < room_end_; }
  // Push without calls.
  HeldLock& PushUpon(HeldLock& newest, const hooks::LockMap* lock) {
    // Of the two places that FindMade will look at, one and the other in turn: locks that take
    // turns find their own ones in the end.
    other_place_ ^= 1;
    return Start(PairOf(newest, lock)[other_place_], newest, lock);
  }
  void Publish(HeldLock& record) {
    // Release: pairs with the acquire loads of those who walk down from here.
    top_.store(&record, std::memory_order_release);
  }
  // The newest record, of a lock, is `newest`. One store, so a signal handler sees the lock held or
  // not held, nothing in between. Release: as Publish; what was below may have been changed.
  void PopNewestOfShallow(const HeldLock& newest) {
    top_.store(newest.below.load(std::memory_order_relaxed), std::memory_order_release);
  }

  // --- the general way ---
  // A new record at the top whose lock is `lock`; null without memory. The caller sets facts, key,
  // context, stack and call site, which are stale, then calls PublishPushed.
  HeldLock* Push(const hooks::LockMap* lock);
  void PublishPushed(HeldLock& record);
  bool is_shallow() const { return !IsMark(top_.load(std::memory_order_relaxed)); }

  // Removes all.
  void Clear();
  // Of an empty stack: nothing that was given back is found any more.
  void ForgetMade();

  // Removes any record; those above move down one place. The caller computes their keys anew.
  void Remove(uint32_t index);

  // Calls `visit(record)` for each record, from any thread. What it sees is a snapshot: records may
  // be taken and released meanwhile.
  template <typename Visitor>
  void ForEachFromOutside(Visitor visit) const {
    ForOldestFromOutside(depth(), [&](const HeldLock& record, uint32_t) { visit(record); });
  }

  // The same for the oldest `count` records; while the owner waits with a younger one, it does not
  // change them. `visit(record, index)`.
  template <typename Visitor>
  void ForOldestFromOutside(uint32_t count, Visitor visit) const {
    const HeldLock* shallow[kShallow];
    const uint32_t shallow_count = count < kShallow ? count : kShallow;
    for (uint32_t i = 0; i < shallow_count; ++i) shallow[i] = nullptr;
    for (const HeldLock* record = NewestShallow(); Row(record) > 0; record = Below(*record)) {
      if (Row(record) <= shallow_count) shallow[Row(record) - 1] = record;
    }
    for (uint32_t i = 0; i < shallow_count; ++i) {
      if (shallow[i] != nullptr) visit(*shallow[i], i);
    }
    // Acquire: pairs with the release store in Grow. It is as large as any depth that was read.
    const HeldLock* records = records_.load(std::memory_order_acquire);
    for (uint32_t i = kShallow; i < count; ++i) visit(records[i - kShallow], i);
  }

  // Calls `visit(address, bytes)` for each mapping. For tests.
  template <typename Visitor>
  void ForEachMapping(Visitor visit) const {
    for (const Mapping* m = mappings_; m != nullptr; m = m->previous) visit(m, m->bytes);
    if (buckets_ != nullptr) visit(buckets_, size_t{table_size_} * 2 * sizeof(uint32_t));
  }

 private:
  // Two for each remainder of a lock's hash value.
  static constexpr uint32_t kWays = 16;
  static constexpr size_t kRowBytes = kWays * sizeof(HeldLock);
  // Row 0 is the bottom of the stack, whose first record is of no lock, row i + 1 has record i. Of
  // row kMarkRow there is one record, of no lock: on top while the stack is deep. Above it is one
  // that is always empty, so that who looks for a record upon the mark finds none.
  static constexpr uint32_t kMarkRow = kShallow + 1;
  static constexpr uint32_t kRows = kMarkRow + 2;

  HeldLock* RowAt(uint32_t row) const {
    auto* address = const_cast<std::byte*>(rows_) + row * kRowBytes;
    return reinterpret_cast<HeldLock*>(address);
  }
  uint32_t Row(const HeldLock* record) const {
    const auto offset = reinterpret_cast<uintptr_t>(record) - reinterpret_cast<uintptr_t>(rows_);
    return static_cast<uint32_t>(offset / kRowBytes);
  }
  bool IsMark(const HeldLock* record) const { return record == RowAt(kMarkRow); }
  // The first of the two records in the row above `newest` that may be of `lock`. Which ones also
  // depends on `newest`, for a lock that is taken upon many.
  [[gnu::always_inline]] static HeldLock* PairOf(const HeldLock& newest,
                                                 const hooks::LockMap* lock) {
    constexpr size_t kPair = 2 * sizeof(HeldLock);
    const auto address = reinterpret_cast<uintptr_t>(&newest);
    // The upper bits of a product with 2^32 / phi: locks at any distance are spread.
    const uint32_t hash = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(lock)) * 0x9e3779b9U;
    static_assert(kRowBytes == 1 << 11);
    const uintptr_t pair = (address ^ (hash >> (32 - 11))) & (kRowBytes - kPair);
    return reinterpret_cast<HeldLock*>((address & ~(kRowBytes - 1)) + kRowBytes + pair);
  }
  // Keeps the compiler from holding one pointer in several registers: it would have to save some.
  [[gnu::always_inline]] static HeldLock* Opaque(HeldLock* record) {
    asm("" : "+r"(record));
    return record;
  }
  // Acquire: pairs with the release store in Start; what the record says is whole.
  static HeldLock* Below(const HeldLock& record) {
    return record.below.load(std::memory_order_acquire);
  }
  HeldLock* NewestShallow() const {
    // Acquire: pairs with Publish.
    HeldLock* top = top_.load(std::memory_order_acquire);
    return IsMark(top) ? Below(*top) : top;
  }
  static HeldLock& Start(HeldLock& record, HeldLock& below, const hooks::LockMap* lock) {
    // Relaxed: Publish orders it.
    record.lock.store(lock, std::memory_order_relaxed);
    record.key_below = below.key_after;
    // Release: for who comes here though the record is not published yet, from an earlier place
    // above it. The record below is published.
    record.below.store(&below, std::memory_order_release);
    return record;
  }
  uint32_t FindBelow(const hooks::LockMap* lock, const HeldLock& from) const {
    const HeldLock* record = &from;
    while (Row(record) > 0 && !record->is(lock)) record = Below(*record);
    return Row(record) - 1;
  }
  uint32_t FindDeep(const hooks::LockMap* lock) const;
  uint32_t Bucket(const hooks::LockMap* lock) const {
    // Locks are some ten bytes apart or pages apart: two shifts spread both.
    const auto address = reinterpret_cast<uintptr_t>(lock);
    return static_cast<uint32_t>((address >> 4) ^ (address >> 11)) & bucket_mask_;
  }
  // Before there are records in row `row`: makes it and the one above it, if they are not made yet.
  void MakeRows(uint32_t row);
  void PopNewest();
  void SetDeep(uint32_t deep);
  bool Grow();
  // Makes the table fit for a record at depth() that is about to be pushed and enters it.
  bool Index(const hooks::LockMap* lock);
  void Reindex();

  // An array that the stack has outgrown; others may still read it.
  struct alignas(64) Mapping {
    Mapping* previous;
    size_t bytes;
  };

  std::atomic<HeldLock*> top_{nullptr};
  const HeldLock* room_end_ = nullptr;  // upon records before it PushUpon may be called
  uint32_t other_place_ = 0;
  uint32_t rows_made_ = 0;

  // The array and the table, while the stack is deeper than kShallow.
  std::atomic<uint32_t> deep_{0};  // how many records are in the array
  uint32_t capacity_ = 0;
  std::atomic<HeldLock*> records_{nullptr};
  uint32_t bucket_mask_ = 0;
  uint32_t table_size_ = 0;
  uint32_t* buckets_ = nullptr;  // index + 1 of the newest record of each chain
  uint32_t* older_ = nullptr;    // index + 1 of the next older of each record's chain
  Mapping* mappings_ = nullptr;  // all arrays, the current one first; the head of each mapping

  // HeldLocks, made row by row: a thread that holds few locks at a time uses one or two pages.
  alignas(kRowBytes) std::byte rows_[kRows * kRowBytes];
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_HELD_STACK_H_
