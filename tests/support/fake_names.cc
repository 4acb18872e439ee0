#include "tests/support/fake_names.h"

#include <utility>

namespace rqlockdep {
namespace {

constexpr uintptr_t kFirstAddress = 0x401000;

}  // namespace

uintptr_t FakeNames::AddAddress(const std::string& function, const std::string& file, int line) {
  places_.push_back({function, file, line});
  return kFirstAddress + places_.size() - 1;
}

StackId FakeNames::AddStack(std::vector<uintptr_t> frames) {
  stacks_.push_back(std::move(frames));
  return static_cast<StackId>(stacks_.size());
}

void FakeNames::WriteClassName(const ClassInfo& lock_class, TextWriter& out) {
  out << lock_class.key.name;
}

void FakeNames::WriteInstance(const void* instance, TextWriter& out) {
  out.Hex(reinterpret_cast<uintptr_t>(instance));
}

void FakeNames::WriteThread(ThreadId thread, TextWriter& out) {
  (out << "thread ").Decimal(thread);
  const auto name = threads_.find(thread);
  if (name != threads_.end()) out << " (" << std::string_view(name->second) << ")";
}

std::span<const uintptr_t> FakeNames::Stack(StackId stack) { return stacks_[stack - 1]; }

std::span<const SourceFrame> FakeNames::Symbolize(uintptr_t address) {
  frame_ = {};
  const uintptr_t index = address - kFirstAddress;
  if (index < places_.size()) {
    const Place& place = places_[index];
    frame_.function = place.function.c_str();
    frame_.file = place.file.c_str();
    frame_.line = place.line;
  } else {
    frame_.module = "/usr/lib/libunknown.so";
    frame_.offset = address;
  }
  return {&frame_, 1};
}

}  // namespace rqlockdep
