#include "validator/lock_snapshot.h"

#include <algorithm>
#include <atomic>

namespace rqlockdep {
namespace {

// The plain fields of a record are its owner's, who may be writing: what was read
// is believed only if nothing has changed afterwards. Thread sanitizer cannot know.
#define RQLOCKDEP_READS_RACILY __attribute__((noinline, no_sanitize("thread")))

struct RecordCopy {
  const hooks::LockMap* lock;
  uint64_t facts;
  CallSite site;
  StackId stack;
};

RQLOCKDEP_READS_RACILY bool CopyRecord(const HeldLock& record, RecordCopy* copy) {
  // Acquire: what is read below is not older.
  copy->lock = record.lock.load(std::memory_order_acquire);
  copy->facts = record.facts.load(std::memory_order_acquire);
  copy->stack = record.stack;
  for (int i = 0; i < kCallSiteDepth; ++i) copy->site.frames[i] = record.site.frames[i];
  // The loads above come before those below. A record that is used again for the same lock in the
  // same way goes unnoticed; its call site may be mixed of two.
  std::atomic_thread_fence(std::memory_order_acquire);
  return record.lock.load(std::memory_order_relaxed) == copy->lock &&
         record.facts.load(std::memory_order_relaxed) == copy->facts;
}

FindingLock Describe(const RecordCopy& copy, const DependencyGraph& graph) {
  FindingLock lock;
  const ClassId id = AcquisitionFacts::ClassOf(copy.facts);
  if (id != kNoClass) lock.lock_class = &graph.Class(id).info;
  lock.instance = copy.lock;
  lock.mode = AcquisitionFacts::ModeOf(copy.facts);
  lock.strength = AcquisitionFacts::StrengthOf(copy.facts);
  lock.waiting = (copy.facts & HeldFacts::kWaiting) != 0;
  for (int i = 0; i < HeldFacts::SiteDepthOf(copy.facts) && i < kCallSiteDepth; ++i) {
    lock.site.frames[i] = copy.site.frames[i];
  }
  lock.stack = copy.stack;
  lock.stack_is_exact = (copy.facts & HeldFacts::kStackIsExact) != 0;
  return lock;
}

ThreadLocks Look(const ThreadState& thread, const DependencyGraph& graph, Arena& arena) {
  ThreadLocks result;
  result.thread = thread.id();
  // Acquire: pairs with the release store at the thread's end.
  result.ended = thread.exited.load(std::memory_order_acquire);
  size_t count = 0;
  thread.held.ForEachFromOutside([&](const HeldLock&) { ++count; });
  const uint32_t depth = static_cast<uint32_t>(count);
  const std::span<FindingLock> locks = arena.NewArray<FindingLock>(depth);
  if (locks.size() != depth) result.changing = true;  // no memory
  size_t written = 0;
  thread.held.ForOldestFromOutside(static_cast<uint32_t>(locks.size()),
                                   [&](const HeldLock& record, uint32_t) {
                                     RecordCopy copy;
                                     if (CopyRecord(record, &copy)) {
                                       locks[written++] = Describe(copy, graph);
                                     } else {
                                       result.changing = true;
                                     }
                                   });
  if (thread.held.depth() != depth || thread.id() != result.thread) result.changing = true;
  result.locks = locks.first(written);
  return result;
}

}  // namespace

std::span<const ThreadLocks> TakeLockSnapshot(const Validator& validator, Arena& arena,
                                              size_t* others) {
  // The newest is looked up once: threads that begin from now on would push the oldest ones out of
  // what was counted.
  const ThreadState* const newest = validator.threads();
  size_t count = 0;
  for (const ThreadState* t = newest; t != nullptr; t = t->next) ++count;
  const std::span<ThreadLocks> all = arena.NewArray<ThreadLocks>(count);
  *others = 0;
  size_t written = 0;
  const ThreadState* thread = newest;
  for (; thread != nullptr && written < all.size(); thread = thread->next) {
    const ThreadLocks locks = Look(*thread, validator.graph(), arena);
    if (!locks.locks.empty() || locks.changing) {
      all[written++] = locks;
    } else if (!locks.ended) {
      ++*others;
    }
  }
  const std::span<ThreadLocks> found = all.first(written);
  std::ranges::make_heap(found, {}, &ThreadLocks::thread);
  std::ranges::sort_heap(found, {}, &ThreadLocks::thread);
  return found;
}

}  // namespace rqlockdep
