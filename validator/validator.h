// The lock dependency validator: lock events in, findings out (docs/semantics.md).
//
// A plain object without global state. The process's own runtime drives one with real threads, a
// replay one with simulated threads; many may live in one process. What belongs to a thread is in
// its ThreadState, which is passed in.
//
// The way of an acquisition: if the held stack has a record of the same one upon the same chain, it
// is put on top again. Else the held stack gives a chain key; if this thread's chain cache knows
// it, all that could be said was said before, and the lock is pushed. That is the steady state: no
// lock, no shared write, no allocation. Else the graph lock is taken, classes are resolved, checks
// run, edges are added and searched for cycles, and findings go to the sink after the lock was
// left.
//
// Threads: each ThreadState is used by one thread at a time; different ones may run concurrently.
// Not reentrant: an event of a thread that is inside an event (a signal handler) must be kept away
// by the caller, with the same ThreadState. Memory comes from mmap; when there is none left the
// validator says so once and lets events pass unchecked, for good.
#ifndef RQLOCKDEP_VALIDATOR_VALIDATOR_H_
#define RQLOCKDEP_VALIDATOR_VALIDATOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rqlockdep/hooks.h"
#include "validator/checks/check_input.h"
#include "validator/checks/cycle_check.h"
#include "validator/checks/wait_check.h"
#include "validator/core/environment.h"
#include "validator/core/finding.h"
#include "validator/core/futex_mutex.h"
#include "validator/core/stack_depot.h"
#include "validator/core/thread_state.h"
#include "validator/core/waiter_list.h"
#include "validator/findings/finding_log.h"
#include "validator/graph/dependency_graph.h"

namespace rqlockdep {

class Validator {
 public:
  struct Options {
    // How many steps one search for cycles may take.
    size_t max_steps = 100000;
    // Take a whole stack at every acquisition, not only for a chain that is new to the thread.
    bool full_stacks = false;
    // Threads run while others are looked at, and a cancel hook only tells; in a replay nothing
    // moves, and the hook lets the wait fail.
    bool live = false;
  };

  Validator(Environment& environment, FindingSink& sink, const Options& options);
  ~Validator();
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;

  // --- threads ---
  // The state of a thread that begins; null without memory. The validator owns it.
  ThreadState* NewThread();
  // The thread ends: what it still holds is a finding. The state must not be used again.
  void EndThread(ThreadState& thread);

  // After a fork, in the child: only the thread of `survivor` (which may be null) lives on. Both
  // locks are held.
  void ForgetOtherThreads(const ThreadState* survivor);

  // --- lock events; see hooks.h for when to call which ---
  void Acquire(ThreadState& thread, hooks::LockMap& lock, const hooks::AcquireArguments& arguments,
               const CallSite& site);
  // Judges the rings that the wait closes (section 8). True if rings of this wait are looked for.
  bool Waiting(ThreadState& thread, hooks::LockMap& lock, hooks::CancelCallback cancel,
               void* cancel_argument, const CallSite& site);
  void Acquired(ThreadState& thread, hooks::LockMap& lock);
  void Failed(ThreadState& thread, hooks::LockMap& lock, FailReason reason);
  void TryAcquire(ThreadState& thread, hooks::LockMap& lock,
                  const hooks::AcquireArguments& arguments, bool got_it, const CallSite& site);
  void Release(ThreadState& thread, hooks::LockMap& lock, const CallSite& site);
  void Downgrade(ThreadState& thread, hooks::LockMap& lock, const CallSite& site);
  void Init(ThreadState& thread, hooks::LockMap& lock, const CallSite& site);
  void Destroy(ThreadState& thread, hooks::LockMap& lock, const CallSite& site);
  // Drops what `thread`, or a thread that ended, still holds of the lock, whose life has really
  // ended: its memory may become another lock. (A trace's `destroy` keeps the hold: the release
  // that follows is in order.)
  void ForgetLock(ThreadState& thread, const hooks::LockMap& lock);
  void MemoryFreed(ThreadState& thread, const void* begin, size_t size, const CallSite& site);

  // The steady state alone, without calls, for the hooks: false if nothing was done, because the
  // event needs Acquire or Release. With subclass 0 and without a nest lock only.
  // Again the same lock, in the same way, upon the same locks: the record is made.
  [[gnu::always_inline]] static bool AcquireAgain(ThreadState& thread, hooks::LockMap& lock,
                                                  hooks::PlainArguments arguments,
                                                  const CallSite& site);
  // The chain is known. Includes AcquireAgain.
  [[gnu::always_inline]] static bool AcquireKnown(ThreadState& thread, hooks::LockMap& lock,
                                                  hooks::PlainArguments arguments,
                                                  const CallSite& site);
  [[gnu::always_inline]] static bool ReleaseNewest(ThreadState& thread, const hooks::LockMap& lock);

  // --- asynchronous contexts ---
  void EnterContext(ThreadState& thread, ContextKind kind);
  // Leaves the innermost context.
  void LeaveContext(ThreadState& thread, const CallSite& site);
  // `kind` is kHard or kSoft.
  void MaskContext(ThreadState& thread, ContextKind kind);
  void UnmaskContext(ThreadState& thread, ContextKind kind);

  // --- to look at; not while other threads are inside (but for threads(), and what a published
  // record's class id leads to) ---
  const DependencyGraph& graph() const { return graph_; }
  DependencyGraph& graph() { return graph_; }
  const StackDepot& stacks() const { return stacks_; }
  const CycleCheck::Statistics& cycle_statistics() const { return cycles_.statistics(); }
  uint32_t finding_count() const { return log_.count(); }
  // All threads that ever were, newest first. Each state's `next` leads on.
  ThreadState* threads() const { return threads_.load(std::memory_order_acquire); }

  // Keeps the graph still, for `fork` and for a snapshot.
  FutexMutex& graph_lock() { return mutex_; }
  // Keeps looks for rings off, for `fork`. Before the graph lock.
  FutexMutex& waits_lock() { return waiters_.mutex(); }

 private:
  // In LockMap::class_id: the class is known, but every acquisition must take the general path (the
  // class has an order function, its readers depend on the context, or the instance was not asked
  // for with subclass 0 yet).
  static constexpr uint32_t kGeneralPath = uint32_t{1} << 31;

  void AcquireGeneral(ThreadState& thread, hooks::LockMap& lock,
                      const hooks::AcquireArguments& arguments, const CallSite& site);
  void TryGeneral(ThreadState& thread, hooks::LockMap& lock,
                  const hooks::AcquireArguments& arguments, bool got_it, const CallSite& site);
  // The lock's class of subclass 0, looked up once a lock.
  ClassId LookUpClass(hooks::LockMap& lock);
  // The class that is asked for, with the instance counted as one of it.
  ClassId AskFor(hooks::LockMap& lock, uint8_t subclass, bool* lost_singleton);
  // What every acquisition begins with: class, unwinding, nest lock.
  struct Ask;
  static void NoteFirstAsked(CheckInput& input);
  Ask BeginAsk(ThreadState& thread, hooks::LockMap& lock, const hooks::AcquireArguments& arguments,
               Strength strength, const CallSite& site);
  // Has `judge` look at a chain that is new to the thread, and puts the lock on the stack.
  void Take(Ask& ask, void (Validator::*judge)(Ask& ask));
  // Puts a lock on top, at any depth. False without memory.
  bool Push(ThreadState& thread, hooks::LockMap& lock, uint64_t facts, StackId stack,
            const CallSite& site);
  void Judge(Ask& ask);
  void AddUses(Ask& ask);
  void AddEdges(Ask& ask);
  // Context `k` can interrupt the thread now.
  void MarkHeldEnabled(ThreadState& thread, int k);
  // The first record from `first` on whose class is not known to be open to it, or kNone.
  uint32_t FindNotEnabled(const ThreadState& thread, int k, uint32_t first) const;
  GuardSetId CurrentGuards(ThreadState& thread);
  Witness HeldWitness(ThreadState& thread, const HeldLock& record);
  void RestoreMasks(ThreadState& thread, uint8_t masks);
  void RecordFailure(ThreadState& thread, const hooks::LockMap& lock, bool resilient,
                     FailReason reason);
  static void ClearFailure(ThreadState& thread);
  ThreadState* FindHolder(const hooks::LockMap& lock, ThreadState& first);
  void ReportDestroyed(ThreadState& thread, hooks::LockMap& lock, FindingDetail detail,
                       const CallSite& site);
  void RemoveRecord(ThreadState& thread, uint32_t index);
  void WarnOutOfMemory();
  // Memory ran out: the log lets nothing through any more, so there is nothing to look for.
  bool Quiet() const { return log_.is_quiet(); }
  void ForgetHolds(ThreadState& thread, const hooks::LockMap& lock);

  // --- validator_waits.cc ---
  void PublishWait(ThreadState& thread, const WaitFrame& frame, const CallSite& site);
  void WithdrawWait(ThreadState& thread);
  // Before the wait's record of this index changes.
  void EndWait(ThreadState& thread, uint32_t index);
  // What a signal handler has interrupted, if anything, is what the thread waits for again.
  void ResumeWait(ThreadState& thread);
  // Under the waits lock. True if there is a ring that may be one.
  bool LookForRings(const Waiter& first, const CallSite& site, uint32_t look);
  std::span<const Waiter> Waiters();
  // A record of the lock that another thread has may be wrong from now on: that thread did not give
  // the lock back itself, or it is another lock that its memory holds now.
  void DoubtHolds(const hooks::LockMap& lock);
  enum class RingVerdict : uint8_t { kNone, kDoubtful, kReal, kJudgedBefore };
  RingVerdict JudgeRing(std::span<const Waiter> ring, uint32_t look);
  bool HasAnotherHolder(const Waiter& waiter, const ThreadState& holder) const;
  void ReportRingOf(std::span<const Waiter> ring, const Waiter& first, const CallSite& site);

  [[gnu::always_inline]] static void Fill(ThreadState& thread, HeldLock& record, uint64_t facts,
                                          ChainKey after, StackId stack, const CallSite& site);
  [[gnu::always_inline]] static void SetSite(HeldLock& record, const CallSite& site);
  // What a known acquisition's record says.
  [[gnu::always_inline]] static uint64_t KnownFacts(const hooks::LockMap& lock,
                                                    hooks::PlainArguments arguments,
                                                    const CallSite& site);
  // False if the general path is to be gone.
  [[gnu::always_inline]] static bool IsOnSteadyPath(const ThreadState& thread,
                                                    const hooks::LockMap& lock);
  // Whether this thread has been judged for taking a lock of these facts, that it does not hold;
  // then adds to the facts what is missing.
  [[gnu::always_inline]] static bool IsKnown(const ThreadState& thread, ChainKey chain,
                                             const hooks::LockMap& lock, uint64_t* facts,
                                             ChainKey* after, StackId* stack);
  static hooks::PlainArguments TryArguments(const hooks::AcquireArguments& arguments) {
    return hooks::PlainArguments({.mode = arguments.mode, .strength = Strength::kTry});
  }
  void ReleaseGeneral(ThreadState& thread, hooks::LockMap& lock, const CallSite& site);

  // --- validator_known.cc ---
  // The class that is asked for, if nothing can be new about asking for it; else kNoClass.
  ClassId KnownClass(const ThreadState& thread, const hooks::LockMap& lock,
                     const hooks::AcquireArguments& arguments) const;
  // Takes a lock that is known, but not in the hooks' way. False if nothing was done.
  bool TakeKnown(ThreadState& thread, hooks::LockMap& lock,
                 const hooks::AcquireArguments& arguments, Strength strength, const CallSite& site);

  Environment& environment_;
  const Options options_;
  FutexMutex mutex_;  // guards graph_, stacks_, log_, cycles_, and the list of threads
  DependencyGraph graph_;
  StackDepot stacks_;
  FindingLog log_;
  CheckTables tables_;
  CycleCheck cycles_;
  ScratchBuffer<Guard> guards_;
  std::atomic<ThreadState*> threads_{nullptr};
  uint32_t thread_count_ = 0;
  std::atomic<uint32_t> ended_threads_{0};

  std::atomic<uint64_t> wait_tickets_{0};
  WaiterList waiters_;  // its lock guards what follows, too
  RingFinder ring_finder_;
  KeyMap suspects_;  // rings that looks which are not over have seen
  KeyMap doubted_;   // addresses of locks; see DoubtHolds
  uint32_t doubtful_looks_ = 0;
  ScratchBuffer<Waiter> waiter_memory_;

  std::atomic<bool> ended_with_locks_{false};  // some thread did
};

// --- the steady state, inline
// ---------------------------------------------------------------------- What an uncontended lock
// pays. A locked instruction follows in the lock, and it waits until all stores before it are done
// and all branches before it are decided; so few stores and short chains of loads matter most, and
// no calls, which would spill registers.

// No store for nothing: the lock's locked instruction waits for it.
template <typename T>
inline void StoreIfOther(T& place, T value) {
  if (place != value) place = value;
}

inline void Validator::SetSite(HeldLock& record, const CallSite& site) {
  // Written out, not as a loop: in optimised code the compiler sees through `site`, which has one
  // frame, and stores only that.
  static_assert(kCallSiteDepth == 4);
  if (site.frames[0] != 0) StoreIfOther(record.site.frames[0], site.frames[0]);
  if (site.frames[1] != 0) StoreIfOther(record.site.frames[1], site.frames[1]);
  if (site.frames[2] != 0) StoreIfOther(record.site.frames[2], site.frames[2]);
  if (site.frames[3] != 0) StoreIfOther(record.site.frames[3], site.frames[3]);
}

inline void Validator::Fill(ThreadState& thread, HeldLock& record, uint64_t facts, ChainKey after,
                            StackId stack, const CallSite& site) {
  // Relaxed: published by the caller.
  record.facts.store(facts, std::memory_order_relaxed);
  record.key_after = after;
  StoreIfOther(record.context, thread.context_number());
  record.stack = stack;
  SetSite(record, site);
}

inline bool Validator::IsKnown(const ThreadState& thread, ChainKey chain,
                               const hooks::LockMap& lock, uint64_t* facts, ChainKey* after,
                               StackId* stack) {
  const auto link = [&] {
    const uint64_t chain_facts = *facts & HeldFacts::kChainMask;
    *after = MixChain(chain, chain_facts);
    return ChainCache::Link{chain, chain_facts, *after};
  };
  if (thread.chains.Find(link(), stack)) [[likely]]
    return true;
  *facts |= AcquisitionFacts::kClassHeld;
  return thread.chains.Find(link(), stack) && thread.held.Find(&lock) == HeldStack::kNone;
}

inline uint64_t Validator::KnownFacts(const hooks::LockMap& lock, hooks::PlainArguments arguments,
                                      const CallSite& site) {
  // Acquire: pairs with the release store in AskFor; the class that the id leads to is there.
  const uint32_t id = lock.class_id.load(std::memory_order_acquire);
  return AcquisitionFacts::Of(id, arguments) | HeldFacts::OfKind(lock.kind()) |
         HeldFacts::OfSiteDepth(site.depth());
}

inline bool Validator::AcquireAgain(ThreadState& thread, hooks::LockMap& lock,
                                    hooks::PlainArguments arguments, const CallSite& site) {
  // Neither a lock nor a thread that must take the general path has facts or a context like those
  // that are found.
  HeldLock* record = HeldStack::FindMade(thread.held.newest(), &lock, thread.steady_context(),
                                         [&] { return KnownFacts(lock, arguments, site); });
  if (record == nullptr) return false;
  // What was judged with another call site was judged all the same.
  SetSite(*record, site);
  thread.held.Publish(*record);
  return true;
}

inline bool Validator::IsOnSteadyPath(const ThreadState& thread, const hooks::LockMap& lock) {
  // Relaxed: KnownFacts reads it again.
  const uint32_t id = lock.class_id.load(std::memory_order_relaxed);
  return id - 1 < kGeneralPath - 1 && !thread.on_general_path();
}

inline bool Validator::AcquireKnown(ThreadState& thread, hooks::LockMap& lock,
                                    hooks::PlainArguments arguments, const CallSite& site) {
  if (AcquireAgain(thread, lock, arguments, site)) return true;
  HeldLock& newest = thread.held.newest();
  if (!IsOnSteadyPath(thread, lock) || !thread.held.HasRoomUpon(newest)) return false;
  uint64_t facts = KnownFacts(lock, arguments, site);
  ChainKey after;
  StackId stack;
  if (!IsKnown(thread, newest.key_after, lock, &facts, &after, &stack)) return false;
  HeldLock& record = thread.held.PushUpon(newest, &lock);
  Fill(thread, record, facts, after, stack, site);
  thread.held.Publish(record);
  return true;
}

inline bool Validator::ReleaseNewest(ThreadState& thread, const hooks::LockMap& lock) {
  const HeldLock& newest = thread.held.newest();
  if (!newest.is(&lock) || newest.context != thread.steady_context() || newest.is_waiting()) {
    return false;
  }
  thread.held.PopNewestOfShallow(newest);
  return true;
}

inline void Validator::Acquire(ThreadState& thread, hooks::LockMap& lock,
                               const hooks::AcquireArguments& arguments, const CallSite& site) {
  if (arguments.subclass == 0 && arguments.nest == nullptr &&
      AcquireKnown(thread, lock, hooks::PlainArguments(arguments), site)) {
    return;
  }
  AcquireGeneral(thread, lock, arguments, site);
}

inline void Validator::TryAcquire(ThreadState& thread, hooks::LockMap& lock,
                                  const hooks::AcquireArguments& arguments, bool got_it,
                                  const CallSite& site) {
  if (arguments.subclass == 0 && arguments.nest == nullptr) {
    if (got_it && AcquireKnown(thread, lock, TryArguments(arguments), site)) return;
    // A try that failed is no news of a lock that was asked for before; acquire as in AcquireKnown.
    const uint32_t id = lock.class_id.load(std::memory_order_acquire);
    if (!got_it && id - 1 < kGeneralPath - 1 && !thread.failure_pending()) return;
  }
  TryGeneral(thread, lock, arguments, got_it, site);
}

inline void Validator::Release(ThreadState& thread, hooks::LockMap& lock, const CallSite& site) {
  if (!ReleaseNewest(thread, lock)) ReleaseGeneral(thread, lock, site);
}

inline void Validator::ClearFailure(ThreadState& thread) {
  if (!thread.failure_pending()) return;
  thread.context().failed_lock = nullptr;
  thread.SetGeneralPath(ThreadState::kFailurePending, false);
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_VALIDATOR_H_
