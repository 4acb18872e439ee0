#include "validator/trace/replay_names.h"

#include <utility>

#include "validator/trace/trace_writer.h"

namespace rqlockdep {

ReplayNames::ReplayNames(const Trace& trace, std::string file_name, const StackDepot& stacks)
    : file_name_(std::move(file_name)), stacks_(stacks) {
  for (const TraceEvent& event : trace.events) {
    events_.emplace(event.position.line, WriteTraceEvent(trace, event));
  }
}

void ReplayNames::WriteClassName(const ClassInfo& lock_class, TextWriter& out) {
  out << lock_class.key.name;
}

void ReplayNames::WriteInstance(const void* instance, TextWriter& out) {
  const auto known = instances_.find(instance);
  if (known != instances_.end()) {
    out << known->second;
  } else {
    out.Hex(reinterpret_cast<uintptr_t>(instance));
  }
}

void ReplayNames::WriteThread(ThreadId thread, TextWriter& out) {
  const auto known = threads_.find(thread);
  if (known != threads_.end()) {
    out << known->second;
  } else {
    (out << "thread ").Decimal(thread);
  }
}

std::span<const uintptr_t> ReplayNames::Stack(StackId stack) { return stacks_.Frames(stack); }

std::span<const SourceFrame> ReplayNames::Symbolize(uintptr_t address) {
  frame_ = {};
  const auto known = events_.find(address);
  frame_.function = known == events_.end() ? nullptr : known->second.c_str();
  frame_.file = file_name_.c_str();
  frame_.line = static_cast<int>(address);
  return {&frame_, 1};
}

}  // namespace rqlockdep
