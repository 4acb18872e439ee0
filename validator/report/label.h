// A short piece of text with room of its own, to be passed by value: one name, or one cell of a
// table. What does not fit is dropped; control characters become '?', so that a name cannot break
// the line that it stands in. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_LABEL_H_
#define RQLOCKDEP_VALIDATOR_REPORT_LABEL_H_

#include <cstddef>
#include <string_view>

namespace rqlockdep::report {

class Label {
 public:
  static constexpr size_t kCapacity = 110;  // a whole line

  Label() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a label is a copy of a text.
  Label(std::string_view text) { *this << text; }
  Label(const char* text) : Label(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)

  Label& operator<<(std::string_view text) {
    for (const char c : text) Add(c);
    return *this;
  }
  Label& Decimal(size_t value) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
      digits[--at] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return *this << std::string_view(digits + at, sizeof(digits) - at);
  }

  std::string_view view() const { return {text_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Add(char c) {
    if (size_ == kCapacity) return;
    text_[size_++] = (c >= 0 && c < ' ') || c == '\x7f' ? '?' : c;
  }

  size_t size_ = 0;
  char text_[kCapacity];
};

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_LABEL_H_
