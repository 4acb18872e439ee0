#include "validator/report/prose.h"

#include <algorithm>

namespace rqlockdep::report {

Prose::~Prose() {
  FlushWord();
  if (line_has_words_) out_ << '\n';
}

Prose& Prose::operator<<(std::string_view text) {
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      FlushWord();
      continue;
    }
    // A word that is wider than the page is broken anywhere.
    if (word_size_ == kPageColumns - std::max(indent_, hanging_)) FlushWord();
    word_[word_size_++] = c;
  }
  return *this;
}

void Prose::FlushWord() {
  if (word_size_ == 0) return;
  const size_t blank = line_has_words_ ? 1 : 0;
  if (line_has_words_ && out_.column() + blank + word_size_ > kPageColumns) {
    out_ << '\n';
    line_has_words_ = false;
    first_line_ = false;
  }
  if (line_has_words_) {
    out_ << ' ';
  } else {
    out_.PadTo(first_line_ ? indent_ : hanging_);
  }
  out_ << std::string_view(word_, word_size_);
  line_has_words_ = true;
  word_size_ = 0;
}

}  // namespace rqlockdep::report
