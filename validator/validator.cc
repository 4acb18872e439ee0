#include "validator/validator.h"

#include <mutex>
#include <new>

#include "validator/checks/balance_check.h"
#include "validator/checks/chain_step.h"
#include "validator/checks/lock_kinds.h"
#include "validator/checks/own_hold.h"
#include "validator/checks/rank_check.h"
#include "validator/checks/recursion_check.h"

namespace rqlockdep {

// One acquisition on the general path.
struct Validator::Ask {
  ThreadState& thread;
  hooks::LockMap& lock;
  const hooks::LockMap* nest;  // null when there is none, or it is not held
  CheckInput input;
  ChainStep step = {};
};

Validator::Validator(Environment& environment, FindingSink& sink, const Options& options)
    : environment_(environment),
      options_(options),
      log_(sink, environment),
      tables_{graph_, stacks_, log_, environment},
      cycles_(graph_, options.max_steps) {}

Validator::~Validator() {
  ThreadState* next = nullptr;
  for (ThreadState* thread = threads(); thread != nullptr; thread = next) {
    next = thread->next;
    thread->~ThreadState();
    UnmapMemory(thread, sizeof(ThreadState));
  }
}

// --- threads -------------------------------------------------------------------------------------

ThreadState* Validator::NewThread() {
  if (Quiet()) return nullptr;
  const std::scoped_lock guard(mutex_);
  if (ended_threads_.load(std::memory_order_relaxed) > 0) {
    for (ThreadState* thread = threads(); thread != nullptr; thread = thread->next) {
      if (!thread->Reuse(thread_count_ + 1)) continue;
      ended_threads_.fetch_sub(1, std::memory_order_relaxed);
      ++thread_count_;
      return thread;
    }
  }
  void* memory = MapMemory(sizeof(ThreadState));
  if (memory == nullptr) {
    WarnOutOfMemory();
    return nullptr;
  }
  auto* thread = new (memory) ThreadState(++thread_count_);
  thread->SetGeneralPath(ThreadState::kFullStacks, options_.full_stacks);
  thread->next = threads_.load(std::memory_order_relaxed);
  // Release: pairs with the acquire load in threads(); the state is whole.
  threads_.store(thread, std::memory_order_release);
  return thread;
}

void Validator::EndThread(ThreadState& thread) {
  if (thread.held.depth() > 0 && !Quiet()) {
    const std::scoped_lock guard(mutex_);
    CheckInput input(tables_, thread, nullptr, kNoClass, LockMode::kExclusive, Strength::kBlocking,
                     CallSite{});
    ReportHeldAtExit(input, FindingDetail::kThreadExit);
  }
  log_.Deliver(thread);
  thread.PopWait(0);
  WithdrawWait(thread);
  // Relaxed: a hint whether to look for states to reuse. One that still holds locks is no such.
  if (thread.held.depth() == 0) {
    ended_threads_.fetch_add(1, std::memory_order_relaxed);
  } else {
    ended_with_locks_.store(true, std::memory_order_relaxed);
  }
  // Release: pairs with the acquire load in ThreadState::Reuse.
  thread.exited.store(true, std::memory_order_release);
}

void Validator::ForgetOtherThreads(const ThreadState* survivor) {
  // Relaxed, all: the process has one thread.
  uint32_t ended = 0;
  for (ThreadState* thread = threads(); thread != nullptr; thread = thread->next) {
    if (thread == survivor) continue;
    if (!thread->exited.load(std::memory_order_relaxed)) thread->vanished = true;
    // What they held stays locked in the child for ever, but nobody holds it any more.
    thread->held.Clear();
    thread->pending_first = thread->pending_last = nullptr;
    thread->PopWait(0);
    thread->wait.Reset();
    thread->exited.store(true, std::memory_order_relaxed);
    if (!thread->vanished) ++ended;
  }
  ended_threads_.store(ended, std::memory_order_relaxed);
  doubtful_looks_ = 0;
}

// --- acquiring -----------------------------------------------------------------------------------

ClassId Validator::LookUpClass(hooks::LockMap& lock) {
  const uint32_t known = lock.class_id.load(std::memory_order_relaxed) & ~kGeneralPath;
  if (known != kNoClass) return known;
  const ClassId id = graph_.GetClass(environment_.ResolveClass(lock), lock.kind(), 0);
  if (id == kNoClass) {
    WarnOutOfMemory();
    return kNoClass;
  }
  // Release: pairs with the acquire loads in KnownFacts, KnownClass and TryAcquire.
  lock.class_id.store(id | kGeneralPath, std::memory_order_release);
  return id;
}

ClassId Validator::AskFor(hooks::LockMap& lock, uint8_t subclass, bool* lost_singleton) {
  const ClassId base = LookUpClass(lock);
  if (base == kNoClass) return kNoClass;
  const ClassKey& key = graph_.Class(base).info.key;
  const ClassId id = subclass == 0 ? base : graph_.GetClass(key, lock.kind(), subclass);
  const uint8_t asked = lock.asked_subclasses.load(std::memory_order_relaxed);
  const auto bit = static_cast<uint8_t>(1U << subclass);
  if (id == kNoClass || (asked & bit) != 0) return id;
  lock.asked_subclasses.store(asked | bit, std::memory_order_relaxed);
  ClassNode& node = graph_.Class(id);
  if (node.first_instance == nullptr) node.first_instance = &lock;
  if (node.first_instance != &lock && node.singleton) {
    node.singleton = false;
    *lost_singleton = true;
  }
  const bool simple =
      ((asked | bit) & 1) != 0 && key.order == nullptr && lock.kind() != LockKind::kFairRwlock;
  // Release: pairs with the acquire loads in KnownFacts, KnownClass and TryAcquire.
  if (simple) lock.class_id.store(base, std::memory_order_release);
  return id;
}

Validator::Ask Validator::BeginAsk(ThreadState& thread, hooks::LockMap& lock,
                                   const hooks::AcquireArguments& arguments, Strength strength,
                                   const CallSite& site) {
  if (!lock.constructed()) lock.SetKind(arguments.kind);
  bool lost_singleton = false;
  const ClassId id = AskFor(lock, arguments.subclass, &lost_singleton);
  if (arguments.subclass != 0 && id != kNoClass) {
    thread.subclasses.Put(LookUpClass(lock), arguments.subclass, id);
  }
  const LockMode mode = EffectiveMode(thread, lock, arguments.mode);
  Ask ask{thread, lock, arguments.nest,
          CheckInput(tables_, thread, &lock, id, mode, strength, site)};
  CheckInput& input = ask.input;
  if (lost_singleton) cycles_.NoteSingletonLost(id);
  NoteFirstAsked(input);
  if (thread.failure_pending()) {
    const ContextLevel& context = thread.context();
    if (context.failed_lock == &ask.lock && input.strength() != Strength::kTry) {
      ReportNotUnwound(input, context.last_fail_reason);
    }
    ClearFailure(thread);
  }
  if (ask.nest != nullptr && !HoldsReally(thread, ask.nest)) {
    const uint32_t nest_id = ask.nest->class_id.load(std::memory_order_relaxed);
    ReportNestLockNotHeld(input, ask.nest, nest_id & ~kGeneralPath);
    ask.nest = nullptr;
  }
  ask.step = FindChainStep(graph_, thread, {lock, id, mode, strength, ask.nest});
  return ask;
}

void Validator::NoteFirstAsked(CheckInput& input) {
  if (input.class_id() == kNoClass) return;
  ClassInfo& info = input.lock_class().info;
  if (info.first_asked == kNoStack) info.first_asked = input.Stack();
}

void Validator::AcquireGeneral(ThreadState& thread, hooks::LockMap& lock,
                               const hooks::AcquireArguments& arguments, const CallSite& site) {
  if (Quiet() || TakeKnown(thread, lock, arguments, arguments.strength, site)) return;
  {
    const std::scoped_lock guard(mutex_);
    Ask ask = BeginAsk(thread, lock, arguments, arguments.strength, site);
    if (ask.step.own_hold == OwnHold::kSelfDeadlock && !ask.step.is_special()) {
      ReportSelfDeadlock(ask.input);
    }
    Take(ask, &Validator::Judge);
  }
  log_.Deliver(thread);
}

void Validator::TryGeneral(ThreadState& thread, hooks::LockMap& lock,
                           const hooks::AcquireArguments& arguments, bool got_it,
                           const CallSite& site) {
  if (Quiet()) return;
  // A failure says nothing more of a lock that was asked for before.
  if (got_it ? TakeKnown(thread, lock, arguments, Strength::kTry, site)
             : KnownClass(thread, lock, arguments) != kNoClass) {
    return;
  }
  {
    const std::scoped_lock guard(mutex_);
    Ask ask = BeginAsk(thread, lock, arguments, Strength::kTry, site);
    if (got_it) {
      Take(ask, &Validator::AddUses);
    } else {
      cycles_.JudgeNews(ask.input);
    }
  }
  log_.Deliver(thread);
}

void Validator::Take(Ask& ask, void (Validator::*judge)(Ask& ask)) {
  ThreadState& thread = ask.thread;
  StackId stack = kNoStack;
  if (!thread.chains.Find(ask.step.link, &stack)) {
    if (!ask.step.is_special()) (this->*judge)(ask);
    stack = ask.input.Stack();
    thread.chains.Insert(ask.step.link, stack);
  }
  cycles_.JudgeNews(ask.input);
  if (options_.full_stacks) stack = ask.input.Stack();
  const uint64_t exact = options_.full_stacks ? HeldFacts::kStackIsExact : 0;
  // Without memory the release will find nothing.
  if (!Push(thread, ask.lock, ask.step.facts | exact, stack, ask.input.site())) WarnOutOfMemory();
}

bool Validator::Push(ThreadState& thread, hooks::LockMap& lock, uint64_t facts, StackId stack,
                     const CallSite& site) {
  HeldLock* record = thread.held.Push(&lock);
  if (record == nullptr) return false;
  const ChainKey after = MixChain(thread.chain(), facts & HeldFacts::kChainMask);
  facts |=
      HeldFacts::OfKind(lock.kind()) | HeldFacts::OfSiteDepth(site.depth()) | HeldFacts::kGeneral;
  Fill(thread, *record, facts, after, stack, site);
  thread.held.PublishPushed(*record);
  return true;
}

void Validator::Judge(Ask& ask) {
  const LockKind kind = ask.lock.kind();
  CheckRank(ask.input);
  if (!IsChecked(kind)) return;
  if (ask.input.strength() == Strength::kBlocking) CheckRecursion(ask.input, ask.nest);
  AddUses(ask);
  // A timed wait for a lock of one's own is for nobody else.
  const bool own_wait =
      ask.step.own_hold == OwnHold::kSelfDeadlock && ask.input.strength() != Strength::kBlocking;
  if (!own_wait && kind != LockKind::kLocalLock) AddEdges(ask);
}

void Validator::AddUses(Ask& ask) {
  ThreadState& thread = ask.thread;
  CheckInput& input = ask.input;
  const ClassId id = input.class_id();
  if (!IsChecked(ask.lock.kind())) return;
  Witness witness;
  witness.asked_instance = witness.held_instance = &ask.lock;
  witness.thread = thread.id();
  witness.asked_mode = witness.held_mode = input.mode();
  witness.held_strength = input.strength();
  // A stack is taken only if there is something to remember it with.
  const auto with_stack = [&] {
    witness.asked_stack = witness.held_stack = input.Stack();
    witness.held_site = PutSite(stacks_, input.site());
    witness.held_stack_is_exact = true;
  };
  const bool recursive = input.mode() == LockMode::kRecursiveReader;
  const bool shared = input.mode() != LockMode::kExclusive;
  if (input.strength() != Strength::kTry) {
    for (uint32_t depth = 1; depth <= thread.context_depth; ++depth) {
      const int k = IndexOf(thread.context_at(depth).kind);
      const uint8_t bits = graph_.Class(id).used_in_bits[k];
      if ((bits & (1U << UseIndex(recursive, input.strength()))) != 0) continue;
      with_stack();
      if (graph_.AddUsedIn(id, k, recursive, input.strength(), witness)) {
        cycles_.NoteUsedIn(id, k, recursive, input.strength());
      }
    }
  }
  for (int k = 0; k < kContextCount; ++k) {
    if (thread.Masked(k) || graph_.Class(id).IsEnabled(k, shared)) continue;
    with_stack();
    if (graph_.AddEnabled(id, k, shared, witness)) cycles_.NoteEnabled(id, k, shared);
  }
}

Witness Validator::HeldWitness(ThreadState& thread, const HeldLock& record) {
  Witness witness;
  witness.thread = thread.id();
  witness.held_instance = record.lock.load(std::memory_order_relaxed);
  witness.held_mode = record.mode();
  witness.held_strength = record.strength();
  witness.held_site = PutSite(stacks_, record.call_site());
  witness.held_stack = record.stack;
  witness.held_stack_is_exact = record.stack_is_exact();
  return witness;
}

GuardSetId Validator::CurrentGuards(ThreadState& thread) {
  const uint32_t depth = thread.held.depth();
  const std::span<Guard> guards = guards_.Get(depth);
  size_t count = 0;
  for (uint32_t i = 0; i < depth && count < guards.size(); ++i) {
    const HeldLock& record = thread.held[i];
    const ClassId id = record.class_id();
    if (id == kNoClass || !IsRealLock(record.kind())) continue;
    if (record.is_waiting()) continue;
    guards[count++] = Guard(id, record.mode() == LockMode::kExclusive);
  }
  return graph_.guards().Put(guards.first(GuardSets::Normalize(guards.first(count))));
}

void Validator::AddEdges(Ask& ask) {
  ThreadState& thread = ask.thread;
  CheckInput& input = ask.input;
  const uint32_t context = thread.context_number();
  bool guards_known = false;
  GuardSetId guards = kNoGuards;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const HeldLock& record = thread.held[i];
    const ClassId from = record.class_id();
    if (record.context != context || from == input.class_id() || from == kNoClass) continue;
    if (!IsChecked(record.kind()) || record.is_waiting()) continue;
    if (!guards_known) guards = CurrentGuards(thread);
    guards_known = true;
    Witness witness = HeldWitness(thread, record);
    witness.asked_instance = &ask.lock;
    witness.asked_stack = input.Stack();
    witness.asked_mode = input.mode();
    const Observation observation(witness, input.strength(), guards);
    const ObservationId id = graph_.AddObservation(from, input.class_id(), observation);
    if (id != kNoObservation) cycles_.NoteObservation(id);
  }
}

// --- failing, releasing --------------------------------------------------------------------------

void Validator::RecordFailure(ThreadState& thread, const hooks::LockMap& lock, bool resilient,
                              FailReason reason) {
  ContextLevel& context = thread.context();
  context.last_failed = &lock;
  context.last_fail_reason = reason;
  if (!resilient || reason == FailReason::kBusy) return;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    const HeldLock& record = thread.held[i];
    if (!IsRealLock(record.kind()) || record.is_waiting()) continue;
    context.failed_lock = &lock;
    thread.SetGeneralPath(ThreadState::kFailurePending, true);
    return;
  }
}

void Validator::RemoveRecord(ThreadState& thread, uint32_t index) {
  thread.held.Remove(index);
  thread.RecomputeChainsFrom(index);
}

void Validator::ReleaseGeneral(ThreadState& thread, hooks::LockMap& lock, const CallSite& site) {
  ClearFailure(thread);
  const uint32_t context = thread.context_number();
  for (uint32_t i = thread.held.Find(&lock); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    const HeldLock& record = thread.held[i];
    if (record.context != context || record.is_waiting()) continue;
    RemoveRecord(thread, i);
    return;
  }
  if (Quiet()) return;
  DoubtHolds(lock);
  {
    const std::scoped_lock guard(mutex_);
    const ClassId id = LookUpClass(lock);
    CheckInput input(tables_, thread, &lock, id, LockMode::kExclusive, Strength::kBlocking, site);
    ReportUnbalancedRelease(input, /*downgrade=*/false, FindHolder(lock, thread));
  }
  log_.Deliver(thread);
}

void Validator::Downgrade(ThreadState& thread, hooks::LockMap& lock, const CallSite& site) {
  ClearFailure(thread);
  const uint32_t context = thread.context_number();
  for (uint32_t i = thread.held.Find(&lock); i != HeldStack::kNone; i = thread.held.FindOlder(i)) {
    HeldLock& record = thread.held[i];
    if (record.context != context || record.is_waiting()) continue;
    if (record.mode() != LockMode::kExclusive) continue;
    const LockMode mode = SharedMode(lock.kind(), thread.context_depth > 0);
    record.SetFacts(AcquisitionFacts::WithMode(record.all_facts(), mode));
    thread.RecomputeChainsFrom(i);
    return;
  }
  if (Quiet()) return;
  {
    const std::scoped_lock guard(mutex_);
    const ClassId id = LookUpClass(lock);
    CheckInput input(tables_, thread, &lock, id, LockMode::kExclusive, Strength::kBlocking, site);
    ReportUnbalancedRelease(input, /*downgrade=*/true, FindHolder(lock, thread));
  }
  log_.Deliver(thread);
}

// --- lifetime ------------------------------------------------------------------------------------

ThreadState* Validator::FindHolder(const hooks::LockMap& lock, ThreadState& first) {
  const auto holds = [&](const ThreadState& thread) {
    bool held = false;
    thread.held.ForEachFromOutside([&](const HeldLock& record) {
      held = held || (record.lock.load(std::memory_order_relaxed) == &lock && !record.is_waiting());
    });
    return held;
  };
  if (holds(first)) return &first;
  for (ThreadState* thread = threads(); thread != nullptr; thread = thread->next) {
    if (thread != &first && holds(*thread)) return thread;
  }
  return nullptr;
}

void Validator::ReportDestroyed(ThreadState& thread, hooks::LockMap& lock, FindingDetail detail,
                                const CallSite& site) {
  ThreadState* owner = Quiet() ? nullptr : FindHolder(lock, thread);
  if (owner == nullptr) return;
  DoubtHolds(lock);
  {
    const std::scoped_lock guard(mutex_);
    const ClassId id = LookUpClass(lock);
    CheckInput input(tables_, thread, &lock, id, LockMode::kExclusive, Strength::kBlocking, site);
    ReportHeldLockDestroyed(input, detail, *owner);
  }
  log_.Deliver(thread);
}

void Validator::Init(ThreadState& thread, hooks::LockMap& lock, const CallSite& site) {
  ReportDestroyed(thread, lock, FindingDetail::kInit, site);
  // The key may be another one now, so the class is looked up again.
  lock.asked_subclasses.store(0, std::memory_order_relaxed);
  lock.class_id.store(kNoClass, std::memory_order_relaxed);
}

void Validator::Destroy(ThreadState& thread, hooks::LockMap& lock, const CallSite& site) {
  ReportDestroyed(thread, lock, FindingDetail::kDestroy, site);
}

void Validator::ForgetHolds(ThreadState& thread, const hooks::LockMap& lock) {
  uint32_t index = thread.held.Find(&lock);
  while (index != HeldStack::kNone) {
    RemoveRecord(thread, index);
    index = thread.held.Find(&lock);
  }
}

void Validator::ForgetLock(ThreadState& thread, const hooks::LockMap& lock) {
  ForgetHolds(thread, lock);
  if (!ended_with_locks_.load(std::memory_order_relaxed)) return;
  // Threads that ended are nobody's any more; those that run must keep their own records.
  const std::scoped_lock guard(mutex_);
  for (ThreadState* other = threads(); other != nullptr; other = other->next) {
    // Acquire: pairs with the release store at the thread's end.
    if (!other->exited.load(std::memory_order_acquire) || other->held.depth() == 0) continue;
    ForgetHolds(*other, lock);
    if (other->held.depth() == 0) ended_threads_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Validator::MemoryFreed(ThreadState& thread, const void* begin, size_t size,
                            const CallSite& site) {
  const auto first = reinterpret_cast<uintptr_t>(begin);
  for (ThreadState* owner = threads(); owner != nullptr; owner = owner->next) {
    const hooks::LockMap* found = nullptr;
    owner->held.ForEachFromOutside([&](const HeldLock& record) {
      const hooks::LockMap* lock = record.lock.load(std::memory_order_relaxed);
      const auto address = reinterpret_cast<uintptr_t>(lock);
      if (address < first || address - first >= size) return;
      found = lock;
      DoubtHolds(*lock);
    });
    if (found == nullptr) continue;
    {
      const std::scoped_lock guard(mutex_);
      const ClassId id = found->class_id.load(std::memory_order_relaxed) & ~kGeneralPath;
      CheckInput input(tables_, thread, found, id, LockMode::kExclusive, Strength::kBlocking, site);
      ReportHeldLockDestroyed(input, FindingDetail::kMemoryFreed, *owner);
    }
    log_.Deliver(thread);
  }
}

// --- contexts ------------------------------------------------------------------------------------

uint32_t Validator::FindNotEnabled(const ThreadState& thread, int k, uint32_t first) const {
  const uint32_t depth = thread.held.depth();
  for (uint32_t i = first; i < depth; ++i) {
    const HeldLock& record = thread.held[i];
    const ClassId id = record.class_id();
    if (id == kNoClass || !IsChecked(record.kind()) || record.is_waiting()) continue;
    if (!graph_.Class(id).IsEnabled(k, record.mode() != LockMode::kExclusive)) return i;
  }
  return HeldStack::kNone;
}

void Validator::MarkHeldEnabled(ThreadState& thread, int k) {
  // As a rule it is known of all of them, and the graph lock is not needed.
  uint32_t i = FindNotEnabled(thread, k, 0);
  if (i == HeldStack::kNone) return;
  {
    const std::scoped_lock guard(mutex_);
    const HeldLock* first = nullptr;
    for (; i != HeldStack::kNone; i = FindNotEnabled(thread, k, i + 1)) {
      const HeldLock& record = thread.held[i];
      const bool shared = record.mode() != LockMode::kExclusive;
      const ClassId id = record.class_id();
      if (!graph_.AddEnabled(id, k, shared, HeldWitness(thread, record))) continue;
      cycles_.NoteEnabled(id, k, shared);
      if (first == nullptr) first = &record;
    }
    if (first != nullptr) {
      CheckInput input(tables_, thread, first->lock.load(std::memory_order_relaxed),
                       first->class_id(), first->mode(), first->strength(), first->call_site());
      cycles_.JudgeNews(input);
    }
  }
  log_.Deliver(thread);
}

void Validator::EnterContext(ThreadState& thread, ContextKind kind) {
  const int k = IndexOf(kind);
  if (thread.held.depth() > 0) MarkHeldEnabled(thread, k);
  if (!thread.ReserveContext(thread.context_depth + 1)) return WarnOutOfMemory();
  ++thread.context_depth;
  ContextLevel& context = thread.context();
  context = {};
  context.number = ++thread.contexts_made;
  context.kind = kind;
  thread.SetContextNumber(context.number);
  context.masks_before = thread.masks;
  thread.masks |= MaskBit(kHardIndex);
  if (k == kSoftIndex) thread.masks |= MaskBit(kSoftIndex);
  thread.SetGeneralPath(ThreadState::kFailurePending, false);
  thread.RecomputeChains();
}

void Validator::LeaveContext(ThreadState& thread, const CallSite& site) {
  if (thread.context_depth == 0) return;
  const uint32_t number = thread.context_number();
  bool left_behind = false;
  for (uint32_t i = 0; i < thread.held.depth(); ++i) {
    left_behind = left_behind || thread.held[i].context == number;
  }
  if (left_behind) {
    const std::scoped_lock guard(mutex_);
    CheckInput input(tables_, thread, nullptr, kNoClass, LockMode::kExclusive, Strength::kBlocking,
                     site);
    ReportHeldAtExit(input, FindingDetail::kContextLeave);
  }
  log_.Deliver(thread);
  const uint8_t masks = thread.context().masks_before;
  --thread.context_depth;
  thread.SetContextNumber(thread.context().number);
  thread.SetGeneralPath(ThreadState::kFailurePending, thread.context().failed_lock != nullptr);
  RestoreMasks(thread, masks);
}

void Validator::RestoreMasks(ThreadState& thread, uint8_t masks) {
  bool was_masked[kContextCount];
  for (int k = 0; k < kContextCount; ++k) was_masked[k] = thread.Masked(k);
  thread.masks = masks;
  thread.RecomputeChains();
  for (int k = 0; k < kContextCount; ++k) {
    if (thread.held.depth() > 0 && was_masked[k] && !thread.Masked(k)) MarkHeldEnabled(thread, k);
  }
}

void Validator::MaskContext(ThreadState& thread, ContextKind kind) {
  thread.masks |= MaskBit(IndexOf(kind));
  thread.RecomputeChains();
}

void Validator::UnmaskContext(ThreadState& thread, ContextKind kind) {
  RestoreMasks(thread, thread.masks & ~MaskBit(IndexOf(kind)));
}

void Validator::WarnOutOfMemory() { log_.GoQuiet(); }

}  // namespace rqlockdep
