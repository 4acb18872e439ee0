// HashTable: a concurrent hash table of fixed capacity that evicts what was not used for longest,
// in the manner of the Linux kernel's BPF_MAP_TYPE_LRU_HASH.
//
// Memory is taken in the constructor only: an array of buckets with chained elements, and the
// elements. All functions but the constructor and the destructor may be called from any thread, and
// from callbacks that run under a bucket's lock.
//
// Locks. Each bucket has a ResilientSpinlock, because a callback that runs under it may re-enter
// the table, into the same bucket (AA) or, on two threads, into each other's (ABBA). One
// QueuedSpinlock guards the LRU list and the free list. The order is
//
//   a bucket's lock  ->  other buckets' locks, in any order (only callbacks nest them)
//                    ->  the LRU lock, under which no lock is ever asked for
//
// So a wait for the LRU lock always ends, and a wait for a bucket ends or fails.
//
// Errors. Where the kernel's map returns 0 or a negative errno, these functions return a std::errc:
//
//   std::errc{}                                0
//   std::errc::resource_deadlock_would_occur   EDEADLK: to wait for a bucket's lock would not end
//   std::errc::timed_out                       ETIMEDOUT: a bucket's lock took more than 250 ms
//   std::errc::no_such_file_or_directory       ENOENT: no such key
//   std::errc::not_enough_memory               ENOMEM: other threads hold every element
//
// An operation that fails changes nothing, except that an Update may have evicted an element to
// make room. After EDEADLK or ETIMEDOUT a callback must return, so that its bucket's lock is given
// back; only then try again.
#ifndef EXAMPLES_RESILIENT_HASHTAB_HASH_TABLE_H_
#define EXAMPLES_RESILIENT_HASHTAB_HASH_TABLE_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <vector>

#include "examples/resilient_hashtab/lru_list.h"
#include "examples/resilient_hashtab/lru_lock_guard.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_lock_guard.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"

namespace resilient_hashtab {

inline constinit rqlockdep::LockClass bucket_class("hashtab.bucket");
inline constinit rqlockdep::LockClass lru_class("hashtab.lru");

// How to make room.
enum class Eviction {
  kInOrder,       // the LRU lock is given back before the victim's bucket lock is asked for
  kUnderLruLock,  // the bug: it is not
};

// What the table and its locks did so far.
struct Statistics {
  uint64_t bucket_acquisitions = 0;  // bucket locks taken by operations
  uint64_t self_deadlocks = 0;       // not taken: the thread held the lock itself (AA)
  uint64_t ring_deadlocks = 0;       // not taken: threads waited for one another
  uint64_t timeouts = 0;             // not taken: 250 ms passed
  uint64_t lru_acquisitions = 0;
  uint64_t inserted = 0;
  uint64_t replaced = 0;
  uint64_t deleted = 0;
  uint64_t evicted = 0;
  size_t size = 0;  // elements in the table
  size_t free = 0;  // elements on the free list
};

template <class Key, class Value, class Hash = std::hash<Key>>
class HashTable {
  // Copied under a spinlock.
  static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

 public:
  // `capacity` elements; `bucket_count` is rounded up to a power of two, one at least.
  HashTable(size_t capacity, size_t bucket_count, Eviction eviction = Eviction::kInOrder)
      : eviction_(eviction), buckets_(std::bit_ceil(bucket_count)), elements_(capacity) {
    for (size_t i = capacity; i != 0; --i) lru_.Free(elements_[i - 1]);
  }
  HashTable(const HashTable&) = delete;
  HashTable& operator=(const HashTable&) = delete;

  // Copies the value of `key` to `value` and makes it the one used last.
  [[nodiscard]] std::errc Lookup(const Key& key, Value& value) {
    Bucket& bucket = buckets_[BucketOf(key)];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) return CountFailure(bucket, hold_bucket.result());
    ++bucket.acquisitions;
    Element* const element = Find(bucket, key);
    if (element == nullptr) return std::errc::no_such_file_or_directory;
    value = element->value;
    const LruLockGuard hold_lru(lru_lock_);
    ++counts_.lru_acquisitions;
    lru_.Touch(*element);
    return {};
  }

  // Sets the value of `key` and makes it the one used last. As in the kernel an element is taken
  // first, before the bucket's lock; so a full table evicts even if `key` turns out to be in it.
  [[nodiscard]] std::errc Update(const Key& key, const Value& value) {
    Element* spare = nullptr;
    if (const std::errc error = TakeElement(spare); error != std::errc{}) return error;

    const size_t index = BucketOf(key);
    Bucket& bucket = buckets_[index];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) {
      const std::errc error = CountFailure(bucket, hold_bucket.result());
      const LruLockGuard hold_lru(lru_lock_);
      ++counts_.lru_acquisitions;
      lru_.Free(*spare);
      return error;
    }
    ++bucket.acquisitions;
    if (Element* const element = Find(bucket, key); element != nullptr) {
      element->value = value;
      const LruLockGuard hold_lru(lru_lock_);
      ++counts_.lru_acquisitions;
      ++counts_.replaced;
      lru_.Touch(*element);
      lru_.Free(*spare);
      return {};
    }
    spare->key = key;
    spare->value = value;
    spare->bucket = index;
    spare->next = bucket.first;
    bucket.first = spare;
    const LruLockGuard hold_lru(lru_lock_);
    ++counts_.lru_acquisitions;
    ++counts_.inserted;
    lru_.ListFirst(*spare);
    return {};
  }

  [[nodiscard]] std::errc Delete(const Key& key) {
    Bucket& bucket = buckets_[BucketOf(key)];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) return CountFailure(bucket, hold_bucket.result());
    ++bucket.acquisitions;
    Element* const element = Find(bucket, key);
    if (element == nullptr) return std::errc::no_such_file_or_directory;
    Unlink(bucket, *element);
    const LruLockGuard hold_lru(lru_lock_);
    ++counts_.lru_acquisitions;
    ++counts_.deleted;
    lru_.Remove(*element);
    return {};
  }

  // Calls `std::errc callback(const Key&, Value&)` for each element of a bucket, under its lock.
  // The first error ends it and is returned. The callback may call any function of the table. What
  // concerns the same bucket fails with EDEADLK, so the chain does not change meanwhile.
  template <class Callback>
  [[nodiscard]] std::errc ForEachInBucket(size_t index, Callback callback) {
    Bucket& bucket = buckets_[index];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) return CountFailure(bucket, hold_bucket.result());
    ++bucket.acquisitions;
    for (Element* element = bucket.first; element != nullptr; element = element->next) {
      const std::errc error = callback(static_cast<const Key&>(element->key), element->value);
      if (error != std::errc{}) return error;
    }
    return {};
  }

  size_t bucket_count() const { return buckets_.size(); }
  size_t BucketOf(const Key& key) const {
    // Fibonacci hashing: std::hash of an integer is often the integer. The high half is the good
    // one.
    const uint64_t mixed = uint64_t{Hash{}(key)} * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(mixed >> 32) & (buckets_.size() - 1);
  }

  // Takes the buckets' locks one after another, so while others use the table the counts are of
  // slightly different moments. Fails as the operations do. These acquisitions are not counted.
  [[nodiscard]] std::errc GetStatistics(Statistics& statistics) {
    Statistics result;
    for (Bucket& bucket : buckets_) {
      const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
      if (!hold_bucket) return ToErrc(hold_bucket.result());
      result.bucket_acquisitions += bucket.acquisitions;
    }
    result.self_deadlocks = self_deadlocks_.load(std::memory_order_relaxed);
    result.ring_deadlocks = ring_deadlocks_.load(std::memory_order_relaxed);
    result.timeouts = timeouts_.load(std::memory_order_relaxed);
    const LruLockGuard hold_lru(lru_lock_);
    result.lru_acquisitions = counts_.lru_acquisitions;
    result.inserted = counts_.inserted;
    result.replaced = counts_.replaced;
    result.deleted = counts_.deleted;
    result.evicted = counts_.evicted;
    result.size = lru_.listed();
    result.free = lru_.free();
    statistics = result;
    return {};
  }

  // What is wrong with the table, or null. For tests, while nobody else uses the table.
  [[nodiscard]] const char* FindInconsistency() {
    std::vector<bool> seen(elements_.size());
    size_t chained = 0;
    for (size_t index = 0; index < buckets_.size(); ++index) {
      Bucket& bucket = buckets_[index];
      const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
      if (!hold_bucket) return "a bucket's lock is not free";
      for (Element* element = bucket.first; element != nullptr; element = element->next) {
        const size_t number = static_cast<size_t>(element - elements_.data());
        if (seen[number]) return "an element is in two places";
        seen[number] = true;
        ++chained;
        if (BucketOf(element->key) != index || element->bucket != index)
          return "an element is in a bucket that is not its own";
        if (Find(bucket, element->key) != element) return "a key is in a bucket twice";
        const LruLockGuard hold_lru(lru_lock_);
        if (!LruList::IsListed(*element)) return "an element of a bucket is not in the LRU list";
      }
    }
    const LruLockGuard hold_lru(lru_lock_);
    if (!lru_.IsConsistent()) return "the LRU list or the free list is broken";
    if (lru_.listed() != chained) return "the LRU list and the buckets differ in size";
    if (lru_.listed() + lru_.free() != elements_.size()) return "an element is lost";
    if (counts_.inserted - counts_.deleted - counts_.evicted != chained)
      return "what came and what went do not add up to what is there";
    return nullptr;
  }

 private:
  struct Element : LruNode {
    Element* next = nullptr;  // in the bucket
    size_t bucket = 0;        // where it is; kept while it is claimed
    Key key{};
    Value value{};
  };

  // A cache line each, so that threads in different buckets do not disturb each other.
  struct alignas(64) Bucket {
    rqlockdep::ResilientSpinlock lock{bucket_class};
    Element* first RQLOCKDEP_GUARDED_BY(lock) = nullptr;
    uint64_t acquisitions RQLOCKDEP_GUARDED_BY(lock) = 0;
  };

  struct Counts {
    uint64_t lru_acquisitions = 0;
    uint64_t inserted = 0;
    uint64_t replaced = 0;
    uint64_t deleted = 0;
    uint64_t evicted = 0;
  };

  static std::errc ToErrc(rqlockdep::LockResult result) {
    return static_cast<std::errc>(-rqlockdep::NegativeErrno(result));
  }

  std::errc CountFailure(const Bucket& bucket, rqlockdep::LockResult result) {
    std::atomic<uint64_t>& count = result == rqlockdep::LockResult::kTimedOut ? timeouts_
                                   : bucket.lock.IsHeld()                     ? self_deadlocks_
                                                                              : ring_deadlocks_;
    // Relaxed: a number to print, nothing is read on the strength of it.
    count.fetch_add(1, std::memory_order_relaxed);
    return ToErrc(result);
  }

  static Element* Find(Bucket& bucket, const Key& key) RQLOCKDEP_REQUIRES(bucket.lock) {
    Element* element = bucket.first;
    while (element != nullptr && !(element->key == key)) element = element->next;
    return element;
  }

  // Returns whether the element was in the bucket.
  static bool Unlink(Bucket& bucket, const Element& element) RQLOCKDEP_REQUIRES(bucket.lock) {
    Element** link = &bucket.first;
    while (*link != nullptr && *link != &element) link = &(*link)->next;
    if (*link == nullptr) return false;
    *link = element.next;
    return true;
  }

  // Takes an element for the caller alone: a free one, or one that it evicts.
  std::errc TakeElement(Element*& element) {
    {
      const LruLockGuard hold_lru(lru_lock_);
      ++counts_.lru_acquisitions;
      element = static_cast<Element*>(lru_.TakeFree());
      if (element != nullptr) return {};
      element = static_cast<Element*>(lru_.ClaimOldest());
      if (element == nullptr) return std::errc::not_enough_memory;
      if (eviction_ == Eviction::kUnderLruLock) return EvictUnderLruLock(*element);
    }
    return Evict(*element);
  }

  // Takes a claimed element out of its bucket.
  std::errc Evict(Element& victim) {
    Bucket& bucket = buckets_[victim.bucket];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) {
      const std::errc error = CountFailure(bucket, hold_bucket.result());
      const LruLockGuard hold_lru(lru_lock_);
      ++counts_.lru_acquisitions;
      return lru_.Unclaim(victim) ? error : std::errc{};
    }
    ++bucket.acquisitions;
    // If a Delete was here first, the element is the caller's already.
    if (!Unlink(bucket, victim)) return {};
    const LruLockGuard hold_lru(lru_lock_);
    ++counts_.lru_acquisitions;
    ++counts_.evicted;
    lru_.Remove(victim);
    return {};
  }

  // The bug: the same without giving the LRU lock back. Another thread can hold the bucket's lock
  // and wait for the LRU lock. Both stall until the acquisition of the bucket's lock fails.
  std::errc EvictUnderLruLock(Element& victim) RQLOCKDEP_REQUIRES(lru_lock_) {
    Bucket& bucket = buckets_[victim.bucket];
    const rqlockdep::ResilientLockGuard hold_bucket(bucket.lock);
    if (!hold_bucket) {
      lru_.Unclaim(victim);
      return CountFailure(bucket, hold_bucket.result());
    }
    ++bucket.acquisitions;
    ++counts_.evicted;
    Unlink(bucket, victim);
    lru_.Remove(victim);
    return {};
  }

  const Eviction eviction_;
  std::vector<Bucket> buckets_;
  // Key, value and `next` are guarded by the lock of the bucket that the element is in.
  std::vector<Element> elements_;

  rqlockdep::QueuedSpinlock lru_lock_{lru_class};
  LruList lru_ RQLOCKDEP_GUARDED_BY(lru_lock_);
  Counts counts_ RQLOCKDEP_GUARDED_BY(lru_lock_);

  std::atomic<uint64_t> self_deadlocks_{0};
  std::atomic<uint64_t> ring_deadlocks_{0};
  std::atomic<uint64_t> timeouts_{0};
};

}  // namespace resilient_hashtab

#endif  // EXAMPLES_RESILIENT_HASHTAB_HASH_TABLE_H_
