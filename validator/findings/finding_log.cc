#include "validator/findings/finding_log.h"

namespace rqlockdep {

const Finding* FindingLog::Add(ThreadState& thread, const Finding& finding) {
  auto* pending = arena_.New<ThreadState::PendingFinding>();
  if (pending == nullptr) return nullptr;
  pending->finding = finding;
  pending->finding.number = ++count_;
  if (thread.pending_last == nullptr) {
    thread.pending_first = pending;
  } else {
    thread.pending_last->next = pending;
  }
  thread.pending_last = pending;
  return &pending->finding;
}

void FindingLog::GoQuiet() {
  if (quiet_.exchange(true, std::memory_order_relaxed)) return;
  environment_.Warn("out of memory for the tables; from here on nothing is checked");
}

void FindingLog::Deliver(ThreadState& thread) {
  if (MapFailures() != failures_before_) GoQuiet();
  if (is_quiet()) thread.pending_first = thread.pending_last = nullptr;
  // The list is detached first: a sink may take locks and so cause findings of its own.
  while (thread.pending_first != nullptr) {
    ThreadState::PendingFinding* pending = thread.pending_first;
    thread.pending_first = pending->next;
    if (thread.pending_first == nullptr) thread.pending_last = nullptr;
    sink_.OnFinding(pending->finding);
  }
}

}  // namespace rqlockdep
