// The threads that may be waiting and may be on a ring, so that a look for rings need not visit all
// threads. And the lock under which such looks are made: see wait_record.h.
//
// A thread is entered when it publishes a wait, and taken out by whoever comes by after that wait
// is over: withdrawing a wait takes no lock. Linear in the threads that waited lately.
#ifndef RQLOCKDEP_VALIDATOR_CORE_WAITER_LIST_H_
#define RQLOCKDEP_VALIDATOR_CORE_WAITER_LIST_H_

#include <cstdint>

#include "validator/core/futex_mutex.h"
#include "validator/core/thread_state.h"

namespace rqlockdep {

class WaiterList {
 public:
  // Before the validator's graph lock, never inside it. Everything below is under it.
  FutexMutex& mutex() { return mutex_; }

  void Enter(ThreadState& thread) {
    if (thread.listed_as_waiter) return;
    thread.listed_as_waiter = true;
    thread.next_waiter = first_;
    first_ = &thread;
    ++size_;
  }

  // No more threads than this will be visited.
  uint32_t size() const { return size_; }

  // Calls `visit(thread, wait)` for every thread that waits.
  template <typename Visitor>
  void ForEach(Visitor visit) {
    ThreadState** link = &first_;
    while (ThreadState* const thread = *link) {
      if (!thread->wait.is_published()) {
        *link = thread->next_waiter;
        thread->listed_as_waiter = false;
        --size_;
        continue;
      }
      const Wait wait = thread->wait.Read();
      if (wait.ticket != 0) visit(*thread, wait);
      link = &thread->next_waiter;
    }
  }

 private:
  FutexMutex mutex_;
  ThreadState* first_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_WAITER_LIST_H_
