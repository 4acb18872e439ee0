// The steady state out of line: acquisitions that the thread has been judged for, but that the
// hooks do not take by themselves: upon a deep stack, with a subclass or a nest lock, of a class
// with an order function, of a fair lock, of a lock that the thread holds. The graph lock is not
// taken, and nothing shared is written.
#include "validator/checks/chain_step.h"
#include "validator/checks/own_hold.h"
#include "validator/validator.h"

namespace rqlockdep {

ClassId Validator::KnownClass(const ThreadState& thread, const hooks::LockMap& lock,
                              const hooks::AcquireArguments& arguments) const {
  // What is wrong is looked at each time: a failure that was not unwound, a nest lock not held.
  if (thread.on_general_path()) return kNoClass;
  if (arguments.nest != nullptr && !HoldsReally(thread, arguments.nest)) return kNoClass;
  // Acquire: pairs with the release stores in LookUpClass and AskFor; the class that the id leads
  // to is there.
  const ClassId base = lock.class_id.load(std::memory_order_acquire) & ~kGeneralPath;
  // Relaxed: the bit was set, under the graph lock, when the lock was counted as one of the class.
  const uint8_t asked = lock.asked_subclasses.load(std::memory_order_relaxed);
  if (base == kNoClass || (asked >> arguments.subclass & 1) == 0) return kNoClass;
  return arguments.subclass == 0 ? base : thread.subclasses.Find(base, arguments.subclass);
}

bool Validator::TakeKnown(ThreadState& thread, hooks::LockMap& lock,
                          const hooks::AcquireArguments& arguments, Strength strength,
                          const CallSite& site) {
  const ClassId id = KnownClass(thread, lock, arguments);
  if (id == kNoClass) return false;
  StackId stack = kNoStack;
  const bool plain = arguments.nest == nullptr && lock.kind() != LockKind::kFairRwlock &&
                     graph_.Class(id).info.key.order == nullptr;
  if (plain) {
    // Without a look at all that is held, which may be much.
    uint64_t facts = AcquisitionFacts::Of(id, arguments.mode, strength);
    ChainKey after = 0;
    if (IsKnown(thread, thread.chain(), lock, &facts, &after, &stack)) {
      return Push(thread, lock, facts, stack, site);
    }
    if (thread.held.Find(&lock) == HeldStack::kNone) return false;
  }
  const LockMode mode = EffectiveMode(thread, lock, arguments.mode);
  const ChainStep step = FindChainStep(graph_, thread, {lock, id, mode, strength, arguments.nest});
  // A thread that waits for itself hears of it at each new place.
  if (step.own_hold == OwnHold::kSelfDeadlock) return false;
  return thread.chains.Find(step.link, &stack) && Push(thread, lock, step.facts, stack, site);
}

}  // namespace rqlockdep
