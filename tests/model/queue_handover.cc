// The queue by itself: one head at a time, which sees what the heads before it did; whoever stays
// becomes the head; at the end the queue is empty and the nodes are idle. The last thread leaves
// its place once if it is not the head yet, and comes back.
#include "tests/model/model_process.h"

namespace rqlockdep::model {

struct World {
  using Queue = internal::WaiterQueue<Policy>;

  Process process;
  Word word;
  Plain<int> been_head{0};
  int outside[kThreads] = {};  // how often a thread found its node in use, or left

  void Run(int me) {
    Policy policy(process, me);
    Queue queue(policy);
    Slot& slot = process.slots[me];
    const bool leaves = me == kThreads - 1;
    if (leaves && !BeHead(queue, slot, /*stays=*/false)) ++outside[me];
    if (!BeHead(queue, slot, /*stays=*/true)) ++outside[me];
  }

  bool BeHead(Queue& queue, Slot& slot, bool stays) {
    switch (queue.Join(word, slot)) {
      case Queue::Joined::kBusy:
        return false;
      case Queue::Joined::kHead:
        break;
      case Queue::Joined::kSecond:
      case Queue::Joined::kLater:
        while (!Queue::IsHead(slot)) {
          if (!stays && Queue::Abandon(slot)) return false;
          queue.Sleep(slot, kMillisecond);
        }
        break;
    }
    been_head = been_head + 1;
    queue.PassHead(word, slot);
    return true;
  }

  void Check() {
    int expected = kThreads + 1;
    for (const int times : outside) expected -= times;
    assert(been_head == expected);
    assert(word.tail.load(std::memory_order_relaxed) == 0);
    process.ExpectClean();
  }
};

}  // namespace rqlockdep::model

int main() { return rqlockdep::model::Client<rqlockdep::model::World>::Main(); }
