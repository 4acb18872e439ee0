// A ring of threads that each take their own lock and then the next thread's (with two threads:
// ABBA). Nobody waits for ever and nobody times out: either they do not meet, or exactly one is
// told "deadlock", gives back what it holds, and the others get their locks.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  Process process;
  Word words[kThreads];
  Plain<int> sections[kThreads];
  int victims[kThreads] = {};

  World() {
    for (Plain<int>& count : sections) count = 0;
  }

  void Run(int me) {
    const int next = (me + 1) % kThreads;
    const LockResult first = Acquire(process, me, words[me]);
    assert(first == LockResult::kOk);
    sections[me] = sections[me] + 1;
    const LockResult second = Acquire(process, me, words[next]);
    if (second == LockResult::kDeadlock) {
      victims[me] = 1;
    } else {
      assert(second == LockResult::kOk);
      sections[next] = sections[next] + 1;
      Release(process, me, words[next]);
    }
    Release(process, me, words[me]);
  }
  void Check() {
    int all_victims = 0;
    for (int t = 0; t < kThreads; ++t) {
      all_victims += victims[t];
      assert(sections[(t + 1) % kThreads] == 2 - victims[t]);
      Process::ExpectFree(words[t]);
    }
    assert(all_victims <= 1);
    process.ExpectClean();
  }
};

}  // namespace rqlockdep::model

int main() { return rqlockdep::model::Client<rqlockdep::model::World>::Main(); }
