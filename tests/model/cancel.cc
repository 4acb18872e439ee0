// A waiter is told to give up at any moment of its wait, by the owner of the lock: it gives up, or
// has got the lock, nothing in between. As rqlockdep/hooks.h demands, a cancel is over before
// Acquired or Failed returns.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  enum Phase : int { kNotWaiting, kWaiting, kCancelling };

  struct Observer {
    World* world;
    bool Waiting(void (*callback)(void*), void* argument) {
      world->cancel = callback;
      world->waiter = argument;
      world->phase.store(kWaiting, std::memory_order_release);
      return false;
    }
    void Acquired() { End(); }
    void Failed(LockResult) { End(); }
    void End() const {
      int seen = kWaiting;
      while (!world->phase.compare_exchange_weak(seen, kNotWaiting, std::memory_order_acquire,
                                                 std::memory_order_relaxed)) {
        if (seen == kNotWaiting) return;  // had not begun to wait
        seen = kWaiting;
        MODEL_YIELD();
      }
    }
  };

  Process process;
  Word word;
  Plain<int> sections{0};
  int cancelled = 0;
  Atomic<int> phase{kNotWaiting};
  void (*cancel)(void*) = nullptr;
  void* waiter = nullptr;

  void Run(int me) {
    const LockResult result =
        me == 1 ? Acquire(process, me, word, kForever, Observer{this}) : Acquire(process, me, word);
    if (me == 1 && result == LockResult::kDeadlock) {
      cancelled = 1;
      return;
    }
    assert(result == LockResult::kOk);
    sections = sections + 1;
    if (me == 0) Cancel();
    Release(process, me, word);
  }

  void Cancel() {
    int waiting = kWaiting;
    if (phase.compare_exchange_strong(waiting, kCancelling, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
      cancel(waiter);
      phase.store(kWaiting, std::memory_order_release);
    }
  }
  void Check() {
    assert(sections == kThreads - cancelled);
    Process::ExpectFree(word);
    process.ExpectClean();
  }
};

}  // namespace rqlockdep::model

int main() { return rqlockdep::model::Client<rqlockdep::model::World>::Main(); }
