// Names for findings that were made by hand: class names as given, "thread N", and for an address a
// function and a file that were given before, or made from its number.
#ifndef RQLOCKDEP_TESTS_SUPPORT_FAKE_NAMES_H_
#define RQLOCKDEP_TESTS_SUPPORT_FAKE_NAMES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "validator/report/names.h"

namespace rqlockdep {

// Allocates while it is filled, never while a report asks it.
class FakeNames : public Names {
 public:
  // An address that is in `function` at `file`:`line`. Equal arguments give different addresses.
  uintptr_t AddAddress(const std::string& function, const std::string& file, int line);
  StackId AddStack(std::vector<uintptr_t> frames);
  // From now on "thread N (`name`)".
  void NameThread(ThreadId thread, const std::string& name) { threads_[thread] = name; }

  void WriteClassName(const ClassInfo& lock_class, TextWriter& out) override;
  void WriteInstance(const void* instance, TextWriter& out) override;
  void WriteThread(ThreadId thread, TextWriter& out) override;
  std::span<const uintptr_t> Stack(StackId stack) override;
  std::span<const SourceFrame> Symbolize(uintptr_t address) override;
  void Prefetch(std::span<const uintptr_t> addresses) override { prefetched_ += addresses.size(); }

  size_t prefetched() const { return prefetched_; }

 private:
  struct Place {
    std::string function;
    std::string file;
    int line;
  };
  std::deque<Place> places_;
  std::deque<std::vector<uintptr_t>> stacks_;
  std::map<ThreadId, std::string> threads_;
  SourceFrame frame_;
  size_t prefetched_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_FAKE_NAMES_H_
