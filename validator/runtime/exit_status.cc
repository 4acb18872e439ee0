#include "validator/runtime/exit_status.h"

#include <stdlib.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <string_view>

#include "validator/runtime/output.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

// All relaxed: counters, and settings from before there were other threads.
constinit std::atomic<size_t> counts[3] = {};
constinit std::atomic<FailOn> fail_on_setting{FailOn::kError};
constinit std::atomic<int> exitcode_setting{66};
constinit std::atomic<bool> installed{false};

class Line {
 public:
  void Add(std::string_view text) {
    memcpy(text_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  // "2 errors"
  void AddCount(size_t count, std::string_view noun) {
    size_ =
        static_cast<size_t>(std::to_chars(text_ + size_, text_ + sizeof(text_), count).ptr - text_);
    Add(" ");
    Add(noun);
    if (count != 1) Add("s");
  }
  std::string_view text() const { return {text_, size_}; }

 private:
  char text_[200];  // four numbers of 20 digits and 100 letters at most
  size_t size_ = 0;
};

// "rqlockdep: 3 findings (1 error, 2 warnings)"
void WriteSummary() {
  Line line;
  line.Add("rqlockdep: ");
  line.AddCount(AllFindings(), "finding");
  const char* separator = " (";
  for (Severity severity : {Severity::kError, Severity::kWarning, Severity::kNote}) {
    const size_t count = FindingsOf(severity);
    if (count == 0) continue;
    line.Add(separator);
    line.AddCount(count, severity == Severity::kError     ? "error"
                         : severity == Severity::kWarning ? "warning"
                                                          : "note");
    separator = ", ";
  }
  line.Add(")\n");
  WriteReport(line.text());
}

void AtExit(int status, void*) {
  if (AllFindings() == 0) return;
  WriteSummary();
  const int wanted = ExitStatusFor(status);
  if (wanted != status) exit(wanted);
}

[[gnu::constructor(101)]] void InstallEarly() { InstallExitHandler(); }

}  // namespace

void SetExitPolicy(FailOn fail_on, int exitcode) {
  fail_on_setting.store(fail_on, std::memory_order_relaxed);
  exitcode_setting.store(exitcode, std::memory_order_relaxed);
}

void NoteFinding(Severity severity) {
  counts[static_cast<size_t>(severity)].fetch_add(1, std::memory_order_relaxed);
}

void ResetFindings() {
  for (std::atomic<size_t>& count : counts) count.store(0, std::memory_order_relaxed);
}

size_t FindingsOf(Severity severity) {
  return counts[static_cast<size_t>(severity)].load(std::memory_order_relaxed);
}

size_t AllFindings() {
  return FindingsOf(Severity::kNote) + FindingsOf(Severity::kWarning) +
         FindingsOf(Severity::kError);
}

int ExitStatusFor(int status) {
  if (status != 0) return status;
  size_t failing = 0;
  switch (fail_on_setting.load(std::memory_order_relaxed)) {
    case FailOn::kWarning:
      failing = FindingsOf(Severity::kWarning) + FindingsOf(Severity::kError);
      break;
    case FailOn::kError:
      failing = FindingsOf(Severity::kError);
      break;
    case FailOn::kNever:
      break;
  }
  return failing > 0 ? exitcode_setting.load(std::memory_order_relaxed) : status;
}

void InstallExitHandler() {
  if (installed.exchange(true, std::memory_order_relaxed)) return;
  // Ours is the first handler of all, for which glibc has room without malloc. on_exit rather than
  // atexit, because it tells the status.
  on_exit(&AtExit, nullptr);
}

}  // namespace rqlockdep
