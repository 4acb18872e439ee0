// LruLockGuard: std::lock_guard for a QueuedSpinlock, with the attributes that Clang's thread
// safety analysis needs (those of libstdc++ have none).
#ifndef EXAMPLES_RESILIENT_HASHTAB_LRU_LOCK_GUARD_H_
#define EXAMPLES_RESILIENT_HASHTAB_LRU_LOCK_GUARD_H_

#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/thread_annotations.h"

namespace resilient_hashtab {

class RQLOCKDEP_SCOPED_CAPABILITY [[nodiscard]] LruLockGuard {
 public:
  explicit LruLockGuard(rqlockdep::QueuedSpinlock& lock) RQLOCKDEP_ACQUIRE(lock) : lock_(lock) {
    lock_.lock();
  }
  LruLockGuard(const LruLockGuard&) = delete;
  LruLockGuard& operator=(const LruLockGuard&) = delete;
  ~LruLockGuard() RQLOCKDEP_RELEASE() { lock_.unlock(); }

 private:
  rqlockdep::QueuedSpinlock& lock_;
};

}  // namespace resilient_hashtab

#endif  // EXAMPLES_RESILIENT_HASHTAB_LRU_LOCK_GUARD_H_
