// Builds text without malloc, locks or stdio, so that a report can be made on the hook path or in a
// signal handler.
//
// The text lies in one anonymous mapping that grows as needed; when the system gives no more memory
// the rest is dropped and truncated() says so. Not thread-safe: each report has a writer of its
// own.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_TEXT_WRITER_H_
#define RQLOCKDEP_VALIDATOR_REPORT_TEXT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rqlockdep {

class TextWriter {
 public:
  TextWriter() = default;
  ~TextWriter();
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  TextWriter& operator<<(std::string_view text);
  TextWriter& operator<<(const char* text) { return *this << std::string_view(text); }
  TextWriter& operator<<(char c) { return *this << std::string_view(&c, 1); }
  TextWriter& Decimal(int64_t value);
  TextWriter& Hex(uint64_t value);  // "0x1f"
  // Blanks up to `column` (from 0) of the current line; nothing if it is already there.
  TextWriter& PadTo(size_t column);
  size_t column() const { return size_ - line_start_; }

  std::string_view text() const { return {data_, size_}; }
  void Clear();
  // Forgets everything from position `size` on.
  void Truncate(size_t size);
  bool truncated() const { return truncated_; }

 private:
  bool Reserve(size_t size);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t line_start_ = 0;
  bool truncated_ = false;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_TEXT_WRITER_H_
