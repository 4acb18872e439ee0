// Names that need no memory, no files and no lock: for a list of locks while the better names are
// in use (ProcessNames).
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_PLAIN_NAMES_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_PLAIN_NAMES_H_

#include "validator/report/names.h"

namespace rqlockdep {

class PlainNames : public Names {
 public:
  void WriteClassName(const ClassInfo& lock_class, TextWriter& out) override {
    if (lock_class.key.name != nullptr) {
      out << lock_class.key.name;
    } else {
      (out << "lock of ").Hex(lock_class.key.address);
    }
  }
  void WriteInstance(const void* instance, TextWriter& out) override {
    out.Hex(reinterpret_cast<uintptr_t>(instance));
  }
  void WriteThread(ThreadId thread, TextWriter& out) override {
    (out << "thread ").Decimal(thread);
  }
  std::span<const uintptr_t> Stack(StackId) override { return {}; }
  std::span<const SourceFrame> Symbolize(uintptr_t) override { return {&frame_, 1}; }

 private:
  SourceFrame frame_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_PLAIN_NAMES_H_
