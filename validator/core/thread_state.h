// Everything that the validator keeps per thread.
//
// The owner is the only writer, and in the steady state touches nothing else: the held stack, the
// chain key that stands for it, and the cache of chains that were judged before. A ThreadState is
// never freed while its validator lives (others may look at what a thread held when it ended); the
// validator reuses the states of threads that ended without locks.
#ifndef RQLOCKDEP_VALIDATOR_CORE_THREAD_STATE_H_
#define RQLOCKDEP_VALIDATOR_CORE_THREAD_STATE_H_

#include <atomic>
#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"
#include "validator/core/chain_cache.h"
#include "validator/core/chain_key.h"
#include "validator/core/finding.h"
#include "validator/core/held_stack.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"
#include "validator/core/subclass_memo.h"
#include "validator/core/wait_record.h"

namespace rqlockdep {

// One level of the stack of contexts; level 0 is the thread itself.
struct ContextLevel {
  uint32_t number = 0;  // unique within the thread: each `enter` makes a new context
  ContextKind kind = ContextKind::kHard;  // meaningless on level 0
  uint8_t masks_before = 0;
  // The acquisition of this lock failed while the thread held something; nothing was asked for,
  // released or downgraded in this context since. Null otherwise.
  const hooks::LockMap* failed_lock = nullptr;
  // The last acquisition that failed in this context, for the message of a wrong release.
  const hooks::LockMap* last_failed = nullptr;
  FailReason last_fail_reason = FailReason::kBusy;
};

// The two asynchronous contexts as index of masks and of a class's use: a threaded handler is a
// handler.
enum : int { kHardIndex = 0, kSoftIndex = 1, kContextCount = 2 };
constexpr int IndexOf(ContextKind kind) {
  return kind == ContextKind::kSoft ? kSoftIndex : kHardIndex;
}
constexpr uint8_t MaskBit(int context_index) { return static_cast<uint8_t>(1U << context_index); }

// A wait that its thread has begun and not ended.
struct WaitFrame {
  Wait wait;
  hooks::CancelCallback cancel = nullptr;
  void* cancel_argument = nullptr;
};

class ThreadState {
 public:
  explicit ThreadState(ThreadId id) : id_(id) { held.SetBaseChain(kEmptyChain); }
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;

  // Relaxed: a number, which others may read while the state is given to another thread.
  ThreadId id() const { return id_.load(std::memory_order_relaxed); }

  // Makes the state of a thread that ended without locks that of thread `id`; false if it is not
  // such a one. Under the graph lock.
  bool Reuse(ThreadId id);

  HeldStack held;
  ChainCache chains;
  SubclassMemo subclasses;

  // The chain of the whole held stack, in the current contexts and masks.
  ChainKey chain() const { return held.chain(); }

  // When any is set the thread's acquisitions and releases take the general path.
  enum GeneralPath : uint8_t {
    kFailurePending = 1,  // the next event needs a look at the current context's failed_lock
    kFullStacks = 2,      // each acquisition takes a stack
    kOff = 4,             // the thread is not validated any more
  };
  void SetGeneralPath(GeneralPath reason, bool on) {
    general_path_ = static_cast<uint8_t>(on ? general_path_ | reason : general_path_ & ~reason);
    steady_context_ = general_path_ == 0 ? context_number_ : kNoContext;
  }
  bool failure_pending() const { return (general_path_ & kFailurePending) != 0; }
  bool on_general_path() const { return general_path_ != 0; }
  bool is_off() const { return (general_path_ & kOff) != 0; }

  uint8_t masks = 0;           // MaskBit of the contexts that are blocked
  uint32_t context_depth = 0;  // the current level; 0: not inside any context
  uint32_t contexts_made = 0;
  // Of the current level.
  uint32_t context_number() const { return context_number_; }
  void SetContextNumber(uint32_t number) {
    context_number_ = number;
    steady_context_ = general_path_ == 0 ? context_number_ : kNoContext;
  }
  // The same, but no context's number where the general path is to be gone: one comparison for the
  // steady state.
  uint32_t steady_context() const { return steady_context_; }
  ContextLevel& context() {
    return context_depth == 0 ? base_context_ : contexts_[context_depth - 1];
  }
  ContextLevel& context_at(uint32_t depth) {
    return depth == 0 ? base_context_ : contexts_[depth - 1];
  }
  bool ReserveContext(uint32_t depth) { return contexts_.EnsureSize(depth); }

  // `hard` masked counts as `soft` masked.
  bool Masked(int context_index) const {
    return (masks & (MaskBit(context_index) | MaskBit(kHardIndex))) != 0;
  }

  // Calls `visit(address, bytes)` for each mapping that the steady state may write to, beside the
  // state itself. For tests.
  template <typename Visitor>
  void ForEachMapping(Visitor visit) const {
    held.ForEachMapping(visit);
    contexts_.ForEachMapping(visit);
    if (chains.memory() != nullptr) visit(chains.memory(), chains.mapped());
  }

  // After a change of contexts or masks: all keys anew.
  void RecomputeChains();
  // After record `first` became another one: its key and those above it anew.
  void RecomputeChainsFrom(uint32_t first);
  // The lock of record `index` is waited for from now on, or was got. What a signal handler takes
  // meanwhile is taken upon another chain than when the lock is held.
  void SetWaiting(uint32_t index, bool waiting);

  // --- waiting (wait_record.h) ---
  WaitRecord wait;  // for others: the innermost wait
  // The waits of this thread: more than one if a signal handler that interrupted a wait waits, too.
  // The innermost, or null.
  const WaitFrame* innermost_wait() {
    return wait_depth_ == 0 ? nullptr : &wait_at(wait_depth_ - 1);
  }
  // False without memory.
  bool PushWait(const WaitFrame& frame);
  // Ends the wait of record `record` of the held stack, and waits inside it that were left by a
  // jump.
  void PopWait(uint32_t record);

  // Of the list of waiters (waiter_list.h); under its lock.
  bool listed_as_waiter = false;
  ThreadState* next_waiter = nullptr;
  uint64_t gave_way = 0;  // the ticket of a wait that was chosen to end a ring

  std::atomic<bool> exited{false};
  // The process is the child of a fork, and the thread is not there. It may have been changing
  // anything here when the process forked: nobody uses it any more.
  bool vanished = false;

  // Findings made under the graph lock, delivered after it was left; the oldest first.
  struct PendingFinding {
    Finding finding;
    PendingFinding* next = nullptr;
  };
  PendingFinding* pending_first = nullptr;
  PendingFinding* pending_last = nullptr;

  ThreadState* next = nullptr;  // in the validator's list; constant once published

 private:
  static constexpr uint32_t kNoContext = UINT32_MAX;

  // The keys of one record.
  void RecomputeChain(uint32_t index);

  std::atomic<ThreadId> id_;
  uint8_t general_path_ = 0;
  uint32_t context_number_ = 0;
  uint32_t steady_context_ = 0;
  ContextLevel base_context_;
  SegmentedVector<ContextLevel, 3> contexts_;
  WaitFrame& wait_at(uint32_t depth) {
    return depth == 0 ? outermost_wait_ : inner_waits_[depth - 1];
  }
  WaitFrame outermost_wait_;
  SegmentedVector<WaitFrame, 2> inner_waits_;
  uint32_t wait_depth_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_THREAD_STATE_H_
