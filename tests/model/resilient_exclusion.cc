// A resilient lock has one owner at a time, and a critical section sees what those before it did.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  Process process;
  Word word;
  Plain<int> sections{0};

  void Run(int me) {
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
