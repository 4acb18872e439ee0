// Names as a trace gives them: its threads, locks and classes, and its lines in place of stacks.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_REPLAY_NAMES_H_
#define RQLOCKDEP_VALIDATOR_TRACE_REPLAY_NAMES_H_

#include <map>
#include <string>
#include <unordered_map>

#include "validator/core/stack_depot.h"
#include "validator/report/names.h"
#include "validator/trace/trace.h"

namespace rqlockdep {

class ReplayNames : public Names {
 public:
  // `trace` and `stacks` must outlive the object.
  ReplayNames(const Trace& trace, std::string file_name, const StackDepot& stacks);

  void AddInstance(const void* instance, const std::string& name) { instances_[instance] = name; }
  void AddThread(ThreadId thread, const std::string& name) { threads_[thread] = name; }

  void WriteClassName(const ClassInfo& lock_class, TextWriter& out) override;
  void WriteInstance(const void* instance, TextWriter& out) override;
  void WriteThread(ThreadId thread, TextWriter& out) override;
  std::span<const uintptr_t> Stack(StackId stack) override;
  std::span<const SourceFrame> Symbolize(uintptr_t address) override;

 private:
  const std::string file_name_;
  const StackDepot& stacks_;
  std::unordered_map<const void*, std::string> instances_;
  std::unordered_map<ThreadId, std::string> threads_;
  std::map<uintptr_t, std::string> events_;  // by line: "T1 acquire A"
  SourceFrame frame_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_REPLAY_NAMES_H_
