#include "validator/checks/check_input.h"

#include "validator/core/chain_key.h"

namespace rqlockdep {

StackId PutSite(StackDepot& stacks, const CallSite& site) {
  size_t size = 0;
  while (size < kCallSiteDepth && site.frames[size] != 0) ++size;
  return stacks.Put({site.frames, size});
}

StackId CheckInput::Stack() {
  if (!stack_captured_) {
    constexpr size_t kMaxFrames = 64;
    uintptr_t frames[kMaxFrames];
    const size_t count = tables_.environment.CaptureStack(frames, kMaxFrames, site_.frames[0]);
    stack_ = tables_.stacks.Put({frames, count});
    stack_captured_ = true;
  }
  return stack_;
}

FindingLock CheckInput::AskedLock() {
  FindingLock lock;
  if (class_id_ != kNoClass) lock.lock_class = &lock_class().info;
  lock.instance = lock_;
  lock.mode = mode_;
  lock.strength = strength_;
  lock.site = site_;
  lock.stack = Stack();
  return lock;
}

FindingLock CheckInput::Describe(ThreadState& thread, const HeldLock& record) {
  FindingLock lock = Describe(record);
  lock.this_context = record.context == thread.context_number();
  return lock;
}

FindingLock CheckInput::Describe(const HeldLock& record) {
  FindingLock lock;
  const ClassId id = record.class_id();
  if (id != kNoClass) lock.lock_class = &tables_.graph.Class(id).info;
  lock.instance = record.lock.load(std::memory_order_relaxed);
  lock.mode = record.mode();
  lock.strength = record.strength();
  lock.waiting = record.is_waiting();
  lock.site = record.call_site();
  lock.stack = record.stack;
  lock.stack_is_exact = record.stack_is_exact();
  return lock;
}

std::span<const FindingLock> CheckInput::DescribeHeld(ThreadState& thread) {
  const uint32_t depth = thread.held.depth();
  const std::span<FindingLock> held = findings().arena().NewArray<FindingLock>(depth);
  for (uint32_t i = 0; i < held.size(); ++i) held[i] = Describe(thread, thread.held[i]);
  return held;
}

Finding CheckInput::NewFinding(FindingId id, Severity severity) {
  Finding finding;
  finding.id = id;
  finding.severity = severity;
  finding.thread = thread_.id();
  finding.lock = AskedLock();
  finding.held = DescribeHeld(thread_);
  return finding;
}

bool CheckInput::IsNew(FindingId id, FindingDetail finding_detail, ClassId other, uint64_t detail) {
  uint64_t signature = MixChain(kEmptyChain, 0x100 + static_cast<uint64_t>(id));
  signature = MixChain(signature, static_cast<uint64_t>(finding_detail));
  signature = MixChain(signature, (uint64_t{class_id_} << 32) | other);
  for (const uintptr_t frame : site_.frames) signature = MixChain(signature, frame);
  signature = MixChain(signature, detail);
  return findings().IsNew(signature);
}

}  // namespace rqlockdep
