#include "validator/runtime/process_environment.h"

#include <time.h>

#include <algorithm>
#include <string_view>

#include "validator/runtime/output.h"
#include "validator/runtime/stack_capture.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {

size_t ProcessEnvironment::CaptureStack(uintptr_t* frames, size_t capacity, uintptr_t caller) {
  // The validator's own frames come first; how many depends on inlining, so the hook's caller is
  // looked for.
  constexpr size_t kOwnFrames = 24;
  constexpr size_t kMaxFrames = 64;
  uintptr_t all[kOwnFrames + kMaxFrames];
  const size_t wanted = std::min(capacity, kMaxFrames) + kOwnFrames;
  const size_t count = rqlockdep::CaptureStack(all, wanted, 0);
  const uintptr_t* const end = all + count;
  const uintptr_t* begin = std::find(static_cast<const uintptr_t*>(all), end, caller);
  if (begin == end) {
    // The unwinder could not get out of the hook; its caller is known all the same.
    if (capacity == 0 || caller == 0) return 0;
    frames[0] = caller;
    return 1;
  }
  const size_t size = std::min(capacity, static_cast<size_t>(end - begin));
  std::copy(begin, begin + size, frames);
  return size;
}

void ProcessEnvironment::Rest() {
  constexpr timespec kRest = {.tv_sec = 0, .tv_nsec = 2'000'000};
  RawSystemCall(SYS_nanosleep, &kRest, nullptr);
}

void ProcessEnvironment::Warn(const char* message) {
  // On the stack: it may be about memory having run out.
  char line[256];
  size_t size = 0;
  for (const std::string_view part : {std::string_view("rqlockdep: warning: "),
                                      std::string_view(message), std::string_view("\n")}) {
    size += part.copy(line + size, sizeof(line) - size);
  }
  WriteReport({line, size});
}

}  // namespace rqlockdep
