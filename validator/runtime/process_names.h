// Names for reports about the real process: lock classes by their construction site, threads by
// their number and what the system calls them, addresses by the symbolizer.
//
//   class      its name if it has one; else "Bucket::Bucket() at bucket.h:12"
//   instance   "0x7f..."
//   thread     "thread 1 (main)", "thread 3 (worker)"; "thread 3" if it has no name of its own
//
// Threads: NameThread any, at any time. Everything else one at a time, under the lock that guards
// reports. Signal-safe; no malloc.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_NAMES_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_NAMES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/core/class_info.h"
#include "validator/core/ids.h"
#include "validator/core/stack_depot.h"
#include "validator/report/names.h"
#include "validator/report/text_writer.h"
#include "validator/runtime/symbolizer.h"

namespace rqlockdep {

class ProcessNames : public Names {
 public:
  // `run_tool`: may the symbolizer run addr2line?
  explicit ProcessNames(bool run_tool) { symbolizer_.set_run_tool(run_tool); }

  // Where stacks are. Before it is called, all are empty.
  void SetStacks(const StackDepot& stacks) { stacks_ = &stacks; }

  // The calling thread is `thread`. Remembers its name as it is now, for reports after its end;
  // while it lives a report shows the name that it has then.
  void NameThread(ThreadId thread);

  void WriteClassName(const ClassInfo& lock_class, TextWriter& out) override;
  void WriteInstance(const void* instance, TextWriter& out) override;
  void WriteThread(ThreadId thread, TextWriter& out) override;
  std::span<const uintptr_t> Stack(StackId stack) override;
  std::span<const SourceFrame> Symbolize(uintptr_t address) override;
  void Prefetch(std::span<const uintptr_t> addresses) override;

 private:
  static constexpr size_t kNameSize = 16;  // the system's limit, with the terminating 0
  struct Thread {
    std::atomic<int> kernel_id{0};  // 0: nothing known. Written last, with release order.
    char name[kNameSize] = {};
  };
  // Segments of doubling size, made when they are needed: a number's place never moves.
  static constexpr int kSegments = 32;

  // Null without memory, or, if `make` is false, for a thread that nobody named.
  Thread* Find(ThreadId thread, bool make);

  Symbolizer symbolizer_;
  const StackDepot* stacks_ = nullptr;
  std::atomic<Thread*> segments_[kSegments] = {};
  std::atomic<ThreadId> highest_{0};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_PROCESS_NAMES_H_
