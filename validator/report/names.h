// How the report layer learns the names of what findings point at. The runtime answers from the
// process (symbols, thread names), a replay from the trace.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_NAMES_H_
#define RQLOCKDEP_VALIDATOR_REPORT_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/core/class_info.h"
#include "validator/core/ids.h"
#include "validator/report/text_writer.h"

namespace rqlockdep {

// One source position of a return address; inlined calls give several, innermost first.
struct SourceFrame {
  const char* function = nullptr;  // demangled; null: unknown
  const char* file = nullptr;      // null: unknown
  int line = 0;
  const char* module = nullptr;  // with `offset`, where the address lies when nothing else is known
  uintptr_t offset = 0;
};

class Names {
 public:
  virtual ~Names() = default;
  // "hashtab.bucket", "Bucket::Bucket()", ...; without subclass or version.
  virtual void WriteClassName(const ClassInfo& lock_class, TextWriter& out) = 0;
  // "0x7f...", or the lock's name in a trace.
  virtual void WriteInstance(const void* instance, TextWriter& out) = 0;
  // "thread 3 (worker)" in a process, "T3" in a trace.
  virtual void WriteThread(ThreadId thread, TextWriter& out) = 0;
  // The frames of a stack, innermost first. The span is valid until the names object dies.
  virtual std::span<const uintptr_t> Stack(StackId stack) = 0;
  // What a return address means; at least one frame. The result is valid until the next call.
  virtual std::span<const SourceFrame> Symbolize(uintptr_t address) = 0;
  // Prepares many addresses at once, where that is cheaper (one run of a symbolizer). Optional.
  virtual void Prefetch(std::span<const uintptr_t> addresses) { (void)addresses; }
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_NAMES_H_
