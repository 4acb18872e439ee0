#include "validator/report/page.h"

#include <algorithm>

#include "validator/report/call_stack.h"
#include "validator/report/short_name.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

// The narrowest that a class name is cut to.
constexpr size_t kMinName = 8;

}  // namespace

void Page::Heading(std::string_view title) { out_ << '\n' << title << ":\n"; }

size_t Page::MarkOf(const ClassInfo& lock_class) {
  const auto end = marked_.begin() + static_cast<ptrdiff_t>(mark_count_);
  const auto found = std::find(marked_.begin(), end, &lock_class);
  if (found != end) return static_cast<size_t>(found - marked_.begin()) + 1;
  if (mark_count_ == kMaxMarks) return 0;
  marked_[mark_count_++] = &lock_class;
  return mark_count_;
}

Label Page::Class(const ClassInfo* lock_class, size_t max) {
  if (lock_class == nullptr) return "(a lock)";
  Label suffix;
  if (lock_class->version > 1) (suffix << "#").Decimal(lock_class->version);
  if (lock_class->subclass > 0) (suffix << "/").Decimal(lock_class->subclass);

  scratch_.Clear();
  names_.WriteClassName(*lock_class, scratch_);
  const std::string_view name = scratch_.text();
  Label mark;
  // A narrow column has better use for the room.
  constexpr size_t kRoomForMark = 16;
  const bool too_long = name.size() + suffix.size() > max;
  // Two members of one struct are constructed on one line: their names are the same.
  const bool ambiguous =
      lock_class->key.type == ClassKey::Type::kSite && lock_class->key.name == nullptr;
  if ((too_long || ambiguous) && max >= kRoomForMark && marks_ == Marks::kOn) {
    const size_t number = MarkOf(*lock_class);
    if (number != 0) (mark << "{").Decimal(number) << "}";
  }
  const size_t around = mark.size() + suffix.size();
  Label result = ShortenName(name, std::max(kMinName, max > around ? max - around : 0));
  result << mark.view() << suffix.view();
  return result;
}

Label Page::Class(const FindingLock& lock, size_t max) {
  if (lock.lock_class != nullptr || lock.instance == nullptr) return Class(lock.lock_class, max);
  scratch_.Clear();
  names_.WriteInstance(lock.instance, scratch_);
  return ShortenMiddle(scratch_.text(), max);
}

Label Page::Instance(const FindingLock& lock) {
  if (lock.instance == nullptr || lock.lock_class == nullptr) return {};
  scratch_.Clear();
  names_.WriteInstance(lock.instance, scratch_);
  const size_t size = scratch_.text().size();
  names_.WriteClassName(*lock.lock_class, scratch_);
  const std::string_view both = scratch_.text();
  if (both.substr(0, size) == both.substr(size)) return {};
  Label result(" [instance ");
  result << ShortenMiddle(scratch_.text().substr(0, size), 40).view() << "]";
  return result;
}

Label Page::Thread(ThreadId thread, size_t max) {
  if (thread == kNoThread) return "(a thread)";
  scratch_.Clear();
  names_.WriteThread(thread, scratch_);
  return ShortenMiddle(scratch_.text(), max);
}

Label Page::CallOnly(const FindingLock& lock) {
  const LockKind kind = lock.lock_class != nullptr ? lock.lock_class->kind : LockKind::kQspinlock;
  Label result(CallName(kind, lock.mode, lock.strength));
  result << "()";
  return result;
}

Label Page::Call(const FindingLock& lock, size_t max) {
  const Label call = CallOnly(lock);
  Label result(call.view().substr(0, call.size() - 1));
  result << Class(lock, max).view() << ")";
  return result;
}

Label Page::Place(const FindingLock& lock) {
  const SourceFrame* const frame = UserFrame(names_, lock);
  if (frame == nullptr || frame->file == nullptr) return {};
  Label result(" at ");
  Label line;
  line.Decimal(frame->line > 0 ? static_cast<size_t>(frame->line) : 0);
  result << ShortenPath(frame->file, 48).view() << ":" << line.view();
  return result;
}

void Page::WriteLegend() {
  if (mark_count_ == 0) return;
  Heading("Names in full");
  for (size_t i = 0; i < mark_count_; ++i) {
    scratch_.Clear();
    names_.WriteClassName(*marked_[i], scratch_);
    Prose item(out_, 2, 6);
    item << "{";
    item.Number(i + 1) << "} " << scratch_.text();
    FindingLock first;
    first.stack = marked_[i]->first_asked;
    const Label place = Place(first);
    if (!place.empty()) item << ", first taken" << place.view();
  }
}

}  // namespace rqlockdep::report
