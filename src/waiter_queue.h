// The queue of a lock: waiters in the order in which they came, each with a node in its thread
// slot. In the manner of the MCS lock (Mellor-Crummey and Scott, 1991), with two differences. What
// is handed on is not the lock but the role of the head, who alone competes for the lock. And
// waiters are threads that may stop running anywhere, so nobody ever waits for what another has to
// do: who leaves in the middle leaves its node behind, and who finds a link missing leaves word
// there.
//
// `tail` of the lock word names the last node; each node names the one behind it in `next`.
//
// Join      tail.exchange(mine). No predecessor: this is the head. Else predecessor.next.exchange(
//           mine); if that returns kPassed, the predecessor was the head and has gone meanwhile:
//           this is the head now, and frees the predecessor's node.
// PassHead  The head, whether it has the lock or gave up: if there is a `next`, makes that the new
//           head, and wakes it. If there is none, tries to take `tail` back to 0: the queue is
//           empty. If that fails, somebody is about to link itself, who knows how long: leaves
//           kPassed in `next`, and whoever comes finds it (see Join).
// Abandon   A waiter in the middle marks its node and goes. When the role of the head gets there,
//           whoever brings it acts for the absent, and passes it on. Until then the thread has no
//           node for another queue; if it comes back to this one, it gets its place back.
//
// Who owns a node, by `state`:
//   kIdle       its thread, to join a queue with it
//   kJoining    its thread, which prepares it
//   kWaiting    in the queue; its thread waits
//   kSleeping   in the queue; its thread sleeps on `state`
//   kAbandoned  in the queue; its thread has left
//   kReturning  the same; its thread sees whether this is the queue that it wants (TakeBack)
//   kHead       the role of the head is here: its thread's, unless it abandoned the node before, or
//               has passed the role on and the node waits for its successor to link itself
// A node can be used again when nobody will write to it any more: after `tail` was taken back, or
// after `next` was written. Everything here is a bounded number of own steps, but for one step for
// each abandoned node.
//
// The role of the head may be with a thread that does not run for a long time: in a signal handler,
// say. So it is a matter of order, not of correctness: other waiters look at the lock from time to
// time, and take it if it is free (lock_waiter.h).
//
// A `tail` may be stale after fork: the child has none of the other waiters. It is recognised by
// the node that it names, which is idle or queues for another lock. A stale `tail` counts as none.
#ifndef RQLOCKDEP_SRC_WAITER_QUEUE_H_
#define RQLOCKDEP_SRC_WAITER_QUEUE_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "src/deliberate_fault.h"

namespace rqlockdep::internal {

// `Policy` as in spinlock_slow_path.h: slot_at, Sleep, Wake.
template <class Policy>
class WaiterQueue {
 public:
  using Atomics = typename Policy::Atomics;
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Node = BasicQueueNode<Atomics>;

  enum State : uint32_t { kIdle, kJoining, kWaiting, kSleeping, kAbandoned, kReturning, kHead };
  // `next` of a node: no successor yet; the head has gone, and whoever links itself is the head.
  static constexpr uint32_t kNobody = 0;
  static constexpr uint32_t kPassed = ~uint32_t{0};
  enum class Joined {
    kBusy,    // not: the thread's node is in use, by code that this handler interrupts, or since it
              // was abandoned in another queue
    kHead,    // as its head
    kSecond,  // behind the head
    kLater,
  };

  explicit WaiterQueue(Policy& policy) : policy_(policy) {}

  Joined Join(Word& word, Slot& slot) {
    Node& node = slot.node;
    const uintptr_t address = reinterpret_cast<uintptr_t>(&word);
    // Compare-and-swap, because a handler on this thread may come in between and use the node.
    uint32_t state = kIdle;
    // Acquire: pairs with the release of whoever made it idle, whose accesses to the node are over.
    if (!node.state.compare_exchange_strong(state, kJoining, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
      return TakeBack(node, address) ? Joined::kLater : Joined::kBusy;
    }
    // Relaxed: published by the exchange of `tail`.
    node.next.store(kNobody, std::memory_order_relaxed);
    node.word.store(address, std::memory_order_relaxed);
    node.state.store(kWaiting, std::memory_order_relaxed);
    // Release: whoever finds this node finds it prepared. Acquire: pairs with the predecessor's
    // release here.
    const uint16_t before =
        word.tail.exchange(static_cast<uint16_t>(slot.id + 1), std::memory_order_acq_rel);
    if (before == 0 || before == slot.id + 1) return BecomeHead(node);
    Node& predecessor = policy_.slot_at(before - 1u)->node;
    // Relaxed, both: a predecessor in this queue wrote them before the exchange above.
    const uint32_t its_state = predecessor.state.load(std::memory_order_relaxed);
    if (predecessor.word.load(std::memory_order_relaxed) != address || its_state == kIdle) {
      return BecomeHead(node);  // stale
    }
    // Release: pairs with the acquire in PassHead. Acquire: pairs with the release of kPassed.
    const uint32_t word_left = predecessor.next.exchange(slot.id + 1u, std::memory_order_acq_rel);
    if (word_left == kPassed) {
      // Release: pairs with the acquire at the top; we are done with the node.
      predecessor.state.store(kIdle, std::memory_order_release);
      return BecomeHead(node);
    }
    return its_state == kHead ? Joined::kSecond : Joined::kLater;
  }

  // Whether the role of the head has come to a waiter that joined.
  static bool IsHead(const Slot& slot) {
    // Acquire: pairs with the release in PassHead. What the former head saw of the lock, we see.
    return slot.node.state.load(std::memory_order_acquire) == kHead;
  }

  // Leaves the middle of the queue. False if the role of the head has come meanwhile: pass it on.
  static bool Abandon(Slot& slot) {
    uint32_t state = kWaiting;
    // Release: pairs with the acquire of the exchange in PassHead, whoever acts for us.
    return slot.node.state.compare_exchange_strong(state, kAbandoned, std::memory_order_release,
                                                   std::memory_order_relaxed);
  }

  // The head leaves its place.
  void PassHead(Word& word, Slot& slot) {
    for (uint32_t id = slot.id;;) {
      Node& node = policy_.slot_at(id)->node;
      // Acquire: pairs with the release in Join; the next node is prepared.
      uint32_t next = node.next.load(std::memory_order_acquire);
      if constexpr (Has<Policy>(DeliberateFault::kHeadWaitsForASuccessor)) {
        for (; next == kNobody; next = node.next.load(std::memory_order_acquire)) policy_.Pause(1);
      }
      if (next == kNobody) {
        uint16_t last = static_cast<uint16_t>(id + 1);
        // Release: whoever joins next comes after all that we did as the head.
        if (word.tail.compare_exchange_strong(last, 0, std::memory_order_release,
                                              std::memory_order_relaxed)) {
          // Release: pairs with the acquire in Join.
          node.state.store(kIdle, std::memory_order_release);
          return;
        }
        // Release: pairs with the acquire in Join of whoever links itself. Acquire: as above.
        if (node.next.compare_exchange_strong(next, kPassed, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
          return;
        }
      }
      node.state.store(kIdle, std::memory_order_release);  // as above
      Node& successor = policy_.slot_at(next - 1)->node;
      // Release: pairs with the acquire in IsHead. Acquire: pairs with the release in Abandon.
      const uint32_t its_state = successor.state.exchange(kHead, std::memory_order_acq_rel);
      if (its_state != kAbandoned && its_state != kReturning) {
        if (its_state == kSleeping) policy_.Wake(&successor.state, 1);
        return;
      }
      id = next - 1;  // act for the absent
    }
  }

  // In the middle of the queue: sleeps until the role of the head comes, a Nudge, or the time is
  // up. True if the time is up.
  bool Sleep(Slot& slot, int64_t nanoseconds) {
    auto& state = slot.node.state;
    uint32_t now = kWaiting;
    // Relaxed, this and the one after the sleep: they say only whether somebody has to be woken. A
    // state that somebody else wrote is acquired in IsHead.
    if (!state.compare_exchange_strong(now, kSleeping, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
      return false;
    }
    const bool time_is_up = policy_.Sleep(state, kSleeping, nanoseconds);
    now = kSleeping;
    state.compare_exchange_strong(now, kWaiting, std::memory_order_relaxed,
                                  std::memory_order_relaxed);
    return time_is_up;
  }

  // From any thread: if the slot's thread sleeps in the middle of a queue, it looks up.
  void Nudge(Slot& slot) {
    uint32_t state = kSleeping;
    // Release: what the sleeper is to see was written before. It reads it with its own orders.
    if (slot.node.state.compare_exchange_strong(state, kWaiting, std::memory_order_release,
                                                std::memory_order_relaxed)) {
      policy_.Wake(&slot.node.state, 1);
    }
  }

  // In the child of a fork, for a slot whose thread is gone. Relaxed, here and below: nothing is
  // concurrent.
  static void Reset(Slot& slot) {
    slot.node.state.store(kIdle, std::memory_order_relaxed);
    slot.node.word.store(0, std::memory_order_relaxed);
  }
  // The same for the slot of the thread that forked: if it left its node to others, they will not
  // free it any more.
  static void ResetIfLeft(Slot& slot) {
    const Node& node = slot.node;
    const uint32_t state = node.state.load(std::memory_order_relaxed);
    if (state == kAbandoned || state == kReturning ||
        node.next.load(std::memory_order_relaxed) == kPassed) {
      Reset(slot);
    }
  }

 private:
  // Takes back the place that the thread abandoned, if it is in the queue of the lock at `address`.
  //
  // While the role of the head has not come, the node is kReturning and no handler can use it. If
  // the role comes, and is passed on, a handler may use the node for another queue and abandon it
  // there. So what is found out here holds for a node that is still kReturning, and not for one
  // that is just kAbandoned.
  //
  // Relaxed, all: the address was written by this slot, and there is nothing new to publish. The
  // compare-and-swaps continue the release sequence of Abandon's, which the exchange in PassHead
  // still acquires.
  static bool TakeBack(Node& node, uintptr_t address) {
    uint32_t state = kAbandoned;
    if (!node.state.compare_exchange_strong(state, kReturning, std::memory_order_relaxed,
                                            std::memory_order_relaxed)) {
      return false;
    }
    const bool is_here = node.word.load(std::memory_order_relaxed) == address;
    state = kReturning;
    return node.state.compare_exchange_strong(state, is_here ? kWaiting : kAbandoned,
                                              std::memory_order_relaxed,
                                              std::memory_order_relaxed) &&
           is_here;
  }

  static Joined BecomeHead(Node& node) {
    // Relaxed: nobody else writes the state of a node that is no successor.
    node.state.store(kHead, std::memory_order_relaxed);
    return Joined::kHead;
  }

  Policy& policy_;
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_WAITER_QUEUE_H_
