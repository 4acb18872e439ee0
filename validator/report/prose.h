// A paragraph of words, broken at blanks so that no line is wider than a page.
//
//   Prose(out, 2, 4) << "While " << thread << " waits, ...";
//
// The first line begins at column `indent`, the others at `hanging`. The paragraph ends, with a
// newline, when the object does. No line ends with a blank. Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_PROSE_H_
#define RQLOCKDEP_VALIDATOR_REPORT_PROSE_H_

#include <cstddef>
#include <string_view>

#include "validator/report/label.h"
#include "validator/report/text_writer.h"

namespace rqlockdep::report {

// The widest line of a report.
inline constexpr size_t kPageColumns = 110;

class Prose {
 public:
  Prose(TextWriter& out, size_t indent, size_t hanging)
      : out_(out), indent_(indent), hanging_(hanging) {}
  ~Prose();
  Prose(const Prose&) = delete;
  Prose& operator=(const Prose&) = delete;

  Prose& operator<<(std::string_view text);
  Prose& operator<<(const char* text) { return *this << std::string_view(text); }
  Prose& operator<<(const Label& label) { return *this << label.view(); }
  Prose& Number(size_t value) { return *this << Label().Decimal(value); }

 private:
  void FlushWord();

  TextWriter& out_;
  const size_t indent_;
  const size_t hanging_;
  bool line_has_words_ = false;
  bool first_line_ = true;
  size_t word_size_ = 0;
  char word_[kPageColumns];
};

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_PROSE_H_
