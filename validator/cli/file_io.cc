#include "validator/cli/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace rqlockdep {

int ReadAll(int descriptor, std::string* contents) {
  constexpr size_t kChunk = size_t{64} << 10;
  contents->clear();
  for (;;) {
    const size_t size = contents->size();
    contents->resize(size + kChunk);
    const ssize_t count = read(descriptor, contents->data() + size, kChunk);
    contents->resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count == 0) return 0;
    if (count < 0 && errno != EINTR) return errno;
  }
}

int ReadFile(const std::string& name, int standard_input, std::string* contents) {
  if (name == "-") return ReadAll(standard_input, contents);
  const int descriptor = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ReadAll(descriptor, contents);
  close(descriptor);
  return error;
}

int WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return errno;
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

}  // namespace rqlockdep
