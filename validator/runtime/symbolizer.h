// Source positions of return addresses: function, file and line, with the calls that were inlined.
//
// They come from the debug information, which addr2line (of binutils) reads for us in a process of
// its own: one run for all addresses of a module that are asked for together. Without it (not
// installed, switched off, out of time) the function comes from the symbol table (elf_symbols.h),
// without file and line; and where that knows nothing, there is module and offset.
//
// The program cannot notice (child_process.cc says how): neither SIGCHLD nor wait() sees the
// process, nothing of the program's is closed or leaks into it, and making it does not copy the
// program's memory. It gets an empty environment. If it has not answered after 30 seconds it is
// killed and not run again; signals to the calling thread wait that long. A program with raised
// privileges (setuid) runs no other program.
//
// Cost: one run of addr2line (milliseconds) for each module asked about; nothing for known
// addresses. Paths below the folder where Bazel compiles are made relative to the workspace.
// Threads: not thread-safe; an object belongs to one thread or to a lock of the runtime's. Signal-
// safe; no malloc; errno is kept. Memory grows with the number of different addresses.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_SYMBOLIZER_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_SYMBOLIZER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "validator/core/arena.h"
#include "validator/report/names.h"
#include "validator/runtime/elf_symbols.h"

namespace rqlockdep {

class Symbolizer {
 public:
  Symbolizer() = default;
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // No: never runs addr2line.
  void set_run_tool(bool run_tool) { run_tool_ = run_tool; }
  // Another addr2line; not copied. Null: that in /usr/bin or /usr/local/bin. For tests.
  void set_tool_path(const char* path) { tool_path_ = path; }

  // Looks up what is not known yet, in as few runs as possible.
  void Prefetch(std::span<const uintptr_t> return_addresses);

  // The frames of one return address, innermost first; at least one. Valid as long as the
  // symbolizer.
  std::span<const SourceFrame> Symbolize(uintptr_t return_address);

 private:
  struct Entry {
    Entry* next;
    uintptr_t address;
    uint32_t module;  // its number
    std::span<const SourceFrame> frames;
  };
  static constexpr size_t kBuckets = 1024;

  const Entry* Find(uintptr_t address) const;
  void Store(uintptr_t address, std::span<const SourceFrame> frames);
  void RunTool(const ElfModule& module, std::span<const uintptr_t> addresses);
  void ParseAnswer(std::string_view answer, const ElfModule& module,
                   std::span<const uintptr_t> addresses);
  // What is known without debug information.
  SourceFrame FrameFromSymbols(uintptr_t address);
  const char* Copy(std::string_view text);

  Arena arena_;
  Entry* entries_[kBuckets] = {};
  SourceFrame no_memory_[1];
  bool run_tool_ = true;
  bool tool_failed_ = false;
  const char* tool_path_ = nullptr;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_SYMBOLIZER_H_
