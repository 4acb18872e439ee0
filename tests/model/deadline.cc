// A waiter whose time is up leaves, wherever it is among the waiters: not before its limit, without
// the lock, and nobody else notices.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  static constexpr int64_t kLimit = kMillisecond;

  Process process;
  Word word;
  Plain<int> sections{0};
  int timed_out[kThreads] = {};

  void Run(int me) {
    const bool leaves = me == 1;
    const int64_t begin = process.clocks[me];
    const LockResult result = Acquire(process, me, word, leaves ? kLimit : kForever);
    if (leaves && result == LockResult::kTimedOut) {
      assert(process.clocks[me] - begin >= kLimit);
      timed_out[me] = 1;
      return;
    }
    assert(result == LockResult::kOk);
    sections = sections + 1;
    Release(process, me, word);
  }
  void Check() {
    assert(sections == kThreads - timed_out[1]);
    Process::ExpectFree(word);
    process.ExpectClean();
  }
};

}  // namespace rqlockdep::model

int main() { return rqlockdep::model::Client<rqlockdep::model::World>::Main(); }
