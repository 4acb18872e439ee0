// The validator's own mutex: guards the graph on the slow path.
//
// Not a pthread mutex, because the validator may validate those, and because it must work in any
// library and at any time of a process's life. Spins for a moment, then sleeps in the kernel
// (Drepper, "Futexes are tricky", the mutex with three states).
#ifndef RQLOCKDEP_VALIDATOR_CORE_FUTEX_MUTEX_H_
#define RQLOCKDEP_VALIDATOR_CORE_FUTEX_MUTEX_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep {

class FutexMutex {
 public:
  constexpr FutexMutex() = default;
  FutexMutex(const FutexMutex&) = delete;
  FutexMutex& operator=(const FutexMutex&) = delete;

  void lock() {
    uint32_t expected = kFree;
    // Acquire: pairs with the release in unlock; what the last owner wrote is visible.
    if (!state_.compare_exchange_strong(expected, kTaken, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      LockSlow();
    }
  }
  bool try_lock() {
    uint32_t expected = kFree;
    // As in lock().
    return state_.compare_exchange_strong(expected, kTaken, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() {
    // Release: pairs with the acquire of the next owner.
    if (state_.exchange(kFree, std::memory_order_release) == kContended) Wake();
  }

 private:
  enum : uint32_t { kFree, kTaken, kContended };
  void LockSlow();
  void Wake();

  std::atomic<uint32_t> state_{kFree};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_FUTEX_MUTEX_H_
