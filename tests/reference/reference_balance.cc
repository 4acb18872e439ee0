// Section 7: balance, lifetime.
#include <algorithm>
#include <cstddef>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_lock_kinds.h"
#include "tests/reference/reference_model.h"

namespace rqlockdep {

void ReferenceModel::Release(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.contexts.back().failed_lock.reset();
  for (size_t i = thread.held.size(); i-- > 0;) {
    const HeldLock& hold = thread.held[i];
    if (hold.lock != event.lock || hold.context != thread.contexts.back().id) continue;
    thread.held.erase(thread.held.begin() + static_cast<std::ptrdiff_t>(i));
    LetIn(event.lock);
    return;
  }
  Report("unbalanced-release", event.thread);
}

void ReferenceModel::Downgrade(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.contexts.back().failed_lock.reset();
  for (size_t i = thread.held.size(); i-- > 0;) {
    HeldLock& hold = thread.held[i];
    if (hold.lock != event.lock || hold.context != thread.contexts.back().id) continue;
    if (hold.mode != LockMode::kExclusive) continue;
    hold.mode = reference::ModeOf(KindOf(event.lock), true, thread.contexts.size() > 1);
    LetIn(event.lock);
    return;
  }
  Report("unbalanced-release", event.thread);
}

void ReferenceModel::InitOrDestroy(const TraceEvent& event) {
  const bool held = std::any_of(threads_.begin(), threads_.end(),
                                [&](const auto& entry) { return Holds(entry.second, event.lock); });
  if (held) Report("held-lock-destroyed", event.thread);
}

void ReferenceModel::Exit(const TraceEvent& event) {
  Thread& thread = threads_[event.thread];
  thread.exited = true;
  if (!thread.held.empty()) Report("held-at-exit", event.thread);
}

}  // namespace rqlockdep
