// All threads' slots have the same mark, and the last thread registers while others wait: nobody
// may take another thread's hold for its own (AA), though the mark in the lock is its own.
//
// With MODEL_BUG_CHANGES_ARE_LOADED the number of changes to the slots is loaded instead of read by
// a read-modify-write, as it once was. Then the waiter may see the newcomer's mark in the lock, but
// not yet that the newcomer has registered: taking the lock has acquire order only, and publishes
// nothing.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  Process process{internal::kSlotMarks, kThreads - 1};
  Word word;
  Plain<int> sections{0};

  void Run(int me) {
    if (me == kThreads - 1) process.Register(me);
    const LockResult result = Acquire(process, me, word);
    assert(result == LockResult::kOk);
    sections = sections + 1;
    Release(process, me, word);
  }
  void Check() {
    assert(sections == kThreads);
    Process::ExpectFree(word);
    process.ExpectClean();
  }
};

}  // namespace rqlockdep::model

int main() { return rqlockdep::model::Client<rqlockdep::model::World>::Main(); }
