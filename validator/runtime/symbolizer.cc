#include "validator/runtime/symbolizer.h"

#include <sys/auxv.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "validator/runtime/child_process.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

constexpr size_t kBatch = 256;  // addresses in one run
constexpr size_t kMaxAnswer = size_t{1} << 20;
// By the clock of a machine that may be busy, or read a large program from a cold disk: a report
// without lines is worth far less. Only one that hangs takes that long.
constexpr int kMaxSeconds = 30;
constexpr size_t kMaxInlined = 32;
constexpr size_t kMaxName = 1024;

// What a run needs; too large for a stack that may be a signal handler's.
struct Workspace {
  char address_texts[kBatch][20];
  const char* argv[kBatch + 8];
  char program_path[64];
  char answer[kMaxAnswer];
};

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

// Bazel compiles in a folder of its own, and tells the compiler to name it like this or not at all.
std::string_view ShortenPath(std::string_view path) {
  constexpr std::string_view kCurrent = "/proc/self/cwd/";
  if (path.starts_with(kCurrent)) path.remove_prefix(kCurrent.size());
  constexpr std::string_view kRoot = "/execroot/";
  const size_t root = path.rfind(kRoot);
  if (root != std::string_view::npos) {
    const size_t workspace = path.find('/', root + kRoot.size());
    if (workspace != std::string_view::npos) path.remove_prefix(workspace + 1);
  }
  if (path.starts_with("./")) path.remove_prefix(2);
  return path;
}

// "file:12", "file:12 (discriminator 3)", "file:?", "??:0"
bool ParsePosition(std::string_view text, std::string_view* file, int* line) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  *file = text.substr(0, colon);
  if (*file == "??" || file->empty()) return false;
  const std::string_view number = text.substr(colon + 1);
  *line = 0;
  std::from_chars(number.data(), number.data() + number.size(), *line);
  *file = ShortenPath(*file);
  return true;
}

}  // namespace

const Symbolizer::Entry* Symbolizer::Find(uintptr_t address) const {
  const uint32_t module = ModuleNumber(address - 1);
  const Entry* entry = entries_[(address ^ address >> 10) % kBuckets];
  // What was found before its library was unloaded is good as long as nothing else lies there.
  while (entry != nullptr &&
         (entry->address != address || (module != 0 && entry->module != module))) {
    entry = entry->next;
  }
  return entry;
}

void Symbolizer::Store(uintptr_t address, std::span<const SourceFrame> frames) {
  auto* entry = arena_.New<Entry>();
  const std::span<SourceFrame> copies = arena_.NewArray<SourceFrame>(frames.size());
  if (entry == nullptr || copies.empty()) return;
  std::copy(frames.begin(), frames.end(), copies.begin());
  Entry*& bucket = entries_[(address ^ address >> 10) % kBuckets];
  *entry = {bucket, address, ModuleNumber(address - 1), copies};
  bucket = entry;
}

const char* Symbolizer::Copy(std::string_view text) {
  auto* copy = static_cast<char*>(arena_.Allocate(text.size() + 1, 1));
  if (copy == nullptr) return nullptr;
  memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

SourceFrame Symbolizer::FrameFromSymbols(uintptr_t address) {
  SourceFrame frame;
  ElfSymbol symbol;
  ElfModule module;
  // The call, not what comes after it.
  if (FindSymbol(address - 1, SymbolType::kFunction, &symbol, &module)) {
    char name[kMaxName];
    DemangleSymbol(symbol.name, name, sizeof(name));
    frame.function = Copy(name);
  }
  frame.module = module.path;
  frame.offset = address - module.load_bias;
  return frame;
}

void Symbolizer::ParseAnswer(std::string_view answer, const ElfModule& module,
                             std::span<const uintptr_t> addresses) {
  // For each address, in the order of the questions: a line with the address, then two lines for
  // each frame, function and position.
  size_t next = 0;
  std::string_view line = TakeLine(&answer);
  while (next < addresses.size() && line.starts_with("0x")) {
    const uintptr_t address = addresses[next++];
    SourceFrame frames[kMaxInlined];
    size_t count = 0;
    line = TakeLine(&answer);
    while (!line.empty() && !line.starts_with("0x")) {
      const std::string_view function = line;
      const std::string_view position = TakeLine(&answer);
      line = TakeLine(&answer);
      if (count == kMaxInlined) continue;
      SourceFrame& frame = frames[count++];
      frame = {};
      if (function != "??") frame.function = Copy(function);
      std::string_view file;
      if (ParsePosition(position, &file, &frame.line)) frame.file = Copy(file);
      frame.module = module.path;
      frame.offset = address - module.load_bias;
    }
    // The answer may have been cut here.
    if (answer.empty() && line.empty() && next < addresses.size()) break;
    if (count == 0) continue;
    // The last frame is that of the function that the linker knows. Debug information often has no
    // more than the plain name, "Foo" for Foo::Foo().
    SourceFrame& outermost = frames[count - 1];
    if (outermost.function == nullptr || strchr(outermost.function, '(') == nullptr) {
      const SourceFrame from_symbols = FrameFromSymbols(address);
      if (from_symbols.function != nullptr) outermost.function = from_symbols.function;
    }
    Store(address, {frames, count});
  }
}

void Symbolizer::RunTool(const ElfModule& module, std::span<const uintptr_t> addresses) {
  auto* workspace = static_cast<Workspace*>(MapMemory(sizeof(Workspace)));
  if (workspace == nullptr) return;
  const char* path = module.path;
  if (module.is_main_program && std::string_view(path).ends_with(" (deleted)")) {
    // Still there for the kernel. "self" would be addr2line.
    char* end = workspace->program_path;
    end = std::copy_n("/proc/", 6, end);
    end = std::to_chars(end, end + 20, RawSystemCall(SYS_getpid)).ptr;
    std::copy_n("/exe", 5, end);
    path = workspace->program_path;
  }
  const char** argument = workspace->argv;
  for (const char* text : {"addr2line", "-f", "-C", "-i", "-a", "-e", path}) *argument++ = text;
  for (size_t i = 0; i < addresses.size(); ++i) {
    char* text = workspace->address_texts[i];
    text[0] = '0';
    text[1] = 'x';
    char* end = std::to_chars(text + 2, text + 19, addresses[i] - 1 - module.load_bias, 16).ptr;
    *end = '\0';
    *argument++ = text;
  }
  *argument = nullptr;
  const char* const programs[] = {tool_path_ != nullptr ? tool_path_ : "/usr/bin/addr2line",
                                  tool_path_ != nullptr ? nullptr : "/usr/local/bin/addr2line",
                                  nullptr};
  size_t size = 0;
  const ChildOutcome outcome = RunChild(programs, workspace->argv, kMaxSeconds, workspace->answer,
                                        sizeof(workspace->answer), &size);
  // A failure may be the module's fault (no such file, none of its formats), running out of time
  // hardly gets better.
  if (outcome == ChildOutcome::kTimedOut) tool_failed_ = true;
  if (outcome == ChildOutcome::kOk) ParseAnswer({workspace->answer, size}, module, addresses);
  UnmapMemory(workspace, sizeof(Workspace));
}

void Symbolizer::Prefetch(std::span<const uintptr_t> return_addresses) {
  ErrnoSaver saver;
  // A program with raised privileges must not be made to run another.
  const bool run_tool = run_tool_ && getauxval(AT_SECURE) == 0;
  for (size_t i = 0; i < return_addresses.size(); ++i) {
    if (Find(return_addresses[i]) != nullptr) continue;
    ElfModule module;
    if (run_tool && !tool_failed_ && FindModule(return_addresses[i] - 1, &module)) {
      // All that are unknown and in this module go into one run.
      uintptr_t batch[kBatch];
      size_t count = 0;
      for (size_t k = i; k < return_addresses.size() && count < kBatch; ++k) {
        const uintptr_t address = return_addresses[k];
        ElfModule other;
        if (Find(address) == nullptr && FindModule(address - 1, &other) &&
            other.path == module.path &&
            std::find(batch, batch + count, address) == batch + count) {
          batch[count++] = address;
        }
      }
      RunTool(module, {batch, count});
      // What had no answer gets none next time either.
      for (size_t k = 0; k < count; ++k) {
        if (Find(batch[k]) != nullptr) continue;
        const SourceFrame frame = FrameFromSymbols(batch[k]);
        Store(batch[k], {&frame, 1});
      }
    } else {
      const SourceFrame frame = FrameFromSymbols(return_addresses[i]);
      Store(return_addresses[i], {&frame, 1});
    }
  }
}

std::span<const SourceFrame> Symbolizer::Symbolize(uintptr_t return_address) {
  Prefetch({&return_address, 1});
  const Entry* entry = Find(return_address);
  if (entry != nullptr) return entry->frames;
  no_memory_[0] = {};
  no_memory_[0].offset = return_address;
  return no_memory_;
}

}  // namespace rqlockdep
