#include "validator/report/call_stack.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "validator/report/short_name.h"

namespace rqlockdep::report {
namespace {

using std::string_view;

constexpr size_t kFrameIndent = 6;
// Deeper frames are nearly always the same main loop.
constexpr size_t kMaxFrames = 24;
// A file name is cut to this many columns only where a long function name needs the room.
constexpr size_t kFileColumns = 50;

bool Contains(string_view text, string_view part) { return text.find(part) != string_view::npos; }

// In one of our own headers, or what they call: the lock's code.
bool IsOwnHeader(const SourceFrame& frame) {
  if (frame.function != nullptr &&
      string_view(frame.function).starts_with("rqlockdep::internal::")) {
    return true;
  }
  return frame.file != nullptr && Contains(frame.file, "include/rqlockdep/");
}

bool IsLibraryHeader(const SourceFrame& frame) {
  if (frame.file == nullptr) return true;
  return Contains(frame.file, "/include/c++/") || IsOwnHeader(frame);
}

// Whether the frame only tells how threads and programs begin, not what this one does.
bool IsPlumbing(const SourceFrame& frame) {
  constexpr string_view kFunctions[] = {"_start",
                                        "clone",
                                        "clone3",
                                        "start_thread",
                                        "__libc_start_main",
                                        "__libc_start_main_impl",
                                        "__libc_start_call_main"};
  if (frame.function != nullptr &&
      std::ranges::find(kFunctions, string_view(frame.function)) != std::end(kFunctions)) {
    return true;
  }
  if (frame.file != nullptr) return Contains(frame.file, "/include/c++/");
  return frame.module != nullptr &&
         (Contains(frame.module, "/libstdc++.so") || Contains(frame.module, "/libc.so"));
}

// `frames` without the outermost ones that are plumbing; all of them if there is nothing else.
std::span<const uintptr_t> Trimmed(std::span<const uintptr_t> frames, Names& names) {
  size_t size = frames.size();
  while (size > 0 && std::ranges::all_of(names.Symbolize(frames[size - 1]), IsPlumbing)) --size;
  return size == 0 ? frames : frames.first(size);
}

Label Where(const SourceFrame& frame, size_t max) {
  Label result;
  if (frame.file != nullptr) {
    Label line;
    (line << ":").Decimal(frame.line > 0 ? static_cast<size_t>(frame.line) : 0);
    result << ShortenPath(frame.file, max - line.size()).view() << line.view();
  } else if (frame.module != nullptr) {
    result << "(" << ShortenPath(frame.module, max - 24).view() << "+0x";
    char digits[16];
    size_t at = sizeof(digits);
    uintptr_t rest = frame.offset;
    do {
      digits[--at] = "0123456789abcdef"[rest & 15];
      rest >>= 4;
    } while (rest != 0);
    result << string_view(digits + at, sizeof(digits) - at) << ")";
  }
  return result;
}

void WriteFrame(size_t number, const SourceFrame& frame, uintptr_t address, TextWriter& out) {
  out.PadTo(kFrameIndent) << '#';
  out.Decimal(static_cast<int64_t>(number)) << ' ';
  const size_t room = kPageColumns - out.column();
  if (frame.function == nullptr) {
    if (frame.file == nullptr) out.Hex(address) << (frame.module == nullptr ? "" : " ");
    out << Where(frame, room - 20).view() << '\n';
    return;
  }
  constexpr string_view kAt = " at ";
  const string_view function = frame.function;
  Label where = Where(frame, room - kAt.size() - 8);
  if (function.size() + kAt.size() + where.size() > room) {
    const size_t rest = room - std::min(room, kAt.size() + function.size());
    where = Where(frame, std::max(kFileColumns, rest));
  }
  out << ShortenName(function, room - kAt.size() - where.size()).view();
  if (!where.empty()) out << (frame.file != nullptr ? kAt : string_view(" ")) << where.view();
  out << '\n';
}

bool BeginsWith(std::span<const uintptr_t> frames, std::span<const uintptr_t> beginning) {
  return frames.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), frames.begin());
}

// A growing array of addresses, without malloc. Full means that the rest is not prefetched.
class AddressList {
 public:
  AddressList() {
    void* const memory = mmap(nullptr, kCapacity * sizeof(uintptr_t), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) addresses_ = static_cast<uintptr_t*>(memory);
  }
  ~AddressList() {
    if (addresses_ != nullptr) munmap(addresses_, kCapacity * sizeof(uintptr_t));
  }
  AddressList(const AddressList&) = delete;
  AddressList& operator=(const AddressList&) = delete;

  void Add(std::span<const uintptr_t> frames) {
    if (addresses_ == nullptr) return;
    for (const uintptr_t frame : frames) {
      if (size_ < kCapacity) addresses_[size_++] = frame;
    }
  }
  void Add(const FindingLock& lock, Names& names) {
    Add(Frames(lock.site));
    if (lock.stack != kNoStack) Add(names.Stack(lock.stack));
  }
  std::span<const uintptr_t> addresses() const { return {addresses_, size_}; }

 private:
  static constexpr size_t kCapacity = 16384;
  uintptr_t* addresses_ = nullptr;
  size_t size_ = 0;
};

}  // namespace

std::span<const uintptr_t> Frames(const CallSite& site) {
  const auto end = std::find(std::begin(site.frames), std::end(site.frames), uintptr_t{0});
  return {std::begin(site.frames), end};
}

const SourceFrame* UserFrame(Names& names, const FindingLock& lock) {
  std::span<const uintptr_t> frames = Frames(lock.site);
  if (frames.empty() && lock.stack != kNoStack && lock.stack_is_exact) {
    frames = names.Stack(lock.stack);
  }
  // Farther out it is the caller's business, not this acquisition's.
  frames = frames.first(std::min<size_t>(frames.size(), kCallSiteDepth));
  for (const uintptr_t address : frames) {
    for (const SourceFrame& frame : names.Symbolize(address)) {
      if (!IsLibraryHeader(frame)) return &frame;
    }
  }
  if (frames.empty()) return nullptr;
  const std::span<const SourceFrame> innermost = names.Symbolize(frames.front());
  return innermost.empty() ? nullptr : &innermost.front();
}

size_t WriteFrames(std::span<const uintptr_t> frames, Page& page, size_t number) {
  if (frames.empty()) {
    page.out().PadTo(kFrameIndent) << "(not recorded)\n";
    return number;
  }
  for (const uintptr_t address : frames) {
    if (number >= kMaxFrames) {
      page.out().PadTo(kFrameIndent) << "...\n";
      return number;
    }
    const std::span<const SourceFrame> positions = page.names().Symbolize(address);
    for (const SourceFrame& frame : positions) {
      // How a lock of ours goes about it is not the reader's business, unless there is nothing
      // else.
      if (number == 0 && IsOwnHeader(frame) && address != frames.back()) continue;
      WriteFrame(number++, frame, address, page.out());
    }
    if (positions.empty()) WriteFrame(number++, {}, address, page.out());
  }
  return number;
}

void WriteStack(const FindingLock& lock, Page& page) {
  const std::span<const uintptr_t> site = Trimmed(Frames(lock.site), page.names());
  std::span<const uintptr_t> stack;
  if (lock.stack != kNoStack) stack = Trimmed(page.names().Stack(lock.stack), page.names());
  if (stack.empty()) {
    WriteFrames(site, page);
    return;
  }
  if (lock.stack_is_exact || site.empty()) {
    WriteFrames(stack, page);
    return;
  }
  const size_t number = WriteFrames(site, page);
  const bool same_place = BeginsWith(stack, site);
  if (stack.size() <= site.size() && BeginsWith(site, stack)) return;  // nothing new
  Prose(page.out(), 4, 4) << (same_place ? "(farther out, as it was" : "(the stack")
                          << " when this thread first took these locks in this order:)";
  if (same_place) {
    WriteFrames(stack.subspan(site.size()), page, number);
  } else {
    WriteFrames(stack, page);
  }
}

void PrefetchStacks(const Finding& finding, Names& names) {
  const int saved_errno = errno;
  AddressList list;
  list.Add(finding.lock, names);
  list.Add(finding.other, names);
  for (const FindingLock& lock : finding.held) list.Add(lock, names);
  for (const FindingEdge& edge : finding.edges) {
    list.Add(edge.held, names);
    list.Add(edge.asked, names);
  }
  for (const FindingThread& thread : finding.threads) {
    list.Add(thread.waits_for, names);
    for (const FindingLock& lock : thread.held) list.Add(lock, names);
  }
  names.Prefetch(list.addresses());
  errno = saved_errno;
}

void PrefetchSites(std::span<const ThreadLocks> threads, Names& names) {
  const int saved_errno = errno;
  AddressList list;
  for (const ThreadLocks& thread : threads) {
    for (const FindingLock& lock : thread.locks) list.Add(Frames(lock.site));
  }
  names.Prefetch(list.addresses());
  errno = saved_errno;
}

}  // namespace rqlockdep::report
