#include "validator/report/text_writer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace rqlockdep {
namespace {

// Enough for most reports, so that growing is rare. Pages that are not written cost nothing.
constexpr size_t kFirstCapacity = size_t{64} << 10;

}  // namespace

TextWriter::~TextWriter() {
  if (data_ != nullptr) munmap(data_, capacity_);
}

bool TextWriter::Reserve(size_t size) {
  if (size <= capacity_) return true;
  size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_;
  while (capacity < size) capacity *= 2;
  const int saved_errno = errno;  // a writer may run inside a hook, which must not touch it
  void* const data = data_ == nullptr ? mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                      : mremap(data_, capacity_, capacity, MREMAP_MAYMOVE);
  errno = saved_errno;
  if (data == MAP_FAILED) return false;
  data_ = static_cast<char*>(data);
  capacity_ = capacity;
  return true;
}

TextWriter& TextWriter::operator<<(std::string_view text) {
  // After the first gap nothing more is written, so that what is there is a true beginning.
  if (truncated_ || text.empty()) return *this;
  if (!Reserve(size_ + text.size())) {
    truncated_ = true;
    return *this;
  }
  std::memcpy(data_ + size_, text.data(), text.size());
  const size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) line_start_ = size_ + newline + 1;
  size_ += text.size();
  return *this;
}

TextWriter& TextWriter::Decimal(int64_t value) {
  char digits[20];
  size_t at = sizeof(digits);
  // Negated as unsigned, because the smallest value has no positive counterpart.
  uint64_t rest = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits[--at] = '-';
  return *this << std::string_view(digits + at, sizeof(digits) - at);
}

TextWriter& TextWriter::Hex(uint64_t value) {
  char digits[18];
  size_t at = sizeof(digits);
  do {
    digits[--at] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0);
  digits[--at] = 'x';
  digits[--at] = '0';
  return *this << std::string_view(digits + at, sizeof(digits) - at);
}

TextWriter& TextWriter::PadTo(size_t column_wanted) {
  while (column() < column_wanted && !truncated_) *this << ' ';
  return *this;
}

void TextWriter::Clear() {
  size_ = 0;
  line_start_ = 0;
  truncated_ = false;
}

void TextWriter::Truncate(size_t size) {
  if (size >= size_) return;
  size_ = size;
  if (line_start_ <= size_) return;
  const size_t newline = text().rfind('\n');
  line_start_ = newline == std::string_view::npos ? 0 : newline + 1;
}

}  // namespace rqlockdep
