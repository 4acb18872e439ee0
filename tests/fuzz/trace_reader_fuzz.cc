// Fuzz target for the trace reader and writer: any bytes are a trace or an error with a position in
// them, and what was read survives writing and reading.
//
// LLVMFuzzerTestOneInput is libFuzzer's interface; see BUILD.bazel for the two programs made of it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/reference/trace_equality.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

// Not assert: the check must be there in every build.
void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "trace_reader_fuzz: %s\n", what);
  std::abort();
}

// The length of line `number`, which must exist; a line after the last line feed does, and is
// empty.
size_t LineLength(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const size_t line_feed = text.find('\n');
    Check(line_feed != std::string_view::npos, "the error is in a line that is not there");
    text.remove_prefix(line_feed + 1);
  }
  return text.substr(0, text.find('\n')).size();
}

void CheckPosition(std::string_view text, TracePosition position) {
  Check(position.line >= 1 && position.column >= 1, "positions count from 1");
  Check(static_cast<size_t>(position.column) <= LineLength(text, position.line) + 1,
        "the error is in a column that is not there");
}

void CheckText(std::string_view text) {
  const TraceReadResult read = ReadTrace(text);
  if (read.error) {
    CheckPosition(text, read.error->position);
    Check(!read.error->message.empty(), "the error has no message");
    for (char c : read.error->message) Check(c >= ' ' && c <= '~', "the message is not printable");
  }
  for (const TraceEvent& event : read.trace.events) {
    CheckPosition(text, event.position);
    CheckPosition(text, event.op_position);
  }

  const std::string written = WriteTrace(read.trace);
  const TraceReadResult again = ReadTrace(written);
  Check(!again.error, "what was written is malformed");
  Check(EqualButForPositions(read.trace, again.trace), "what was written reads differently");
  Check(WriteTrace(again.trace) == written, "what was written is not canonical");
}

}  // namespace
}  // namespace rqlockdep

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rqlockdep::CheckText({reinterpret_cast<const char*>(data), size});
  return 0;
}
