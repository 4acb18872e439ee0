#include "tests/unit/lock_events.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "validator/trace/trace_words.h"

namespace rqlockdep {
namespace {

constexpr std::array<std::string_view, 11> kTypeWords = {
    "acquire",   "try",   "wait",  "acquired", "fail",  "release",
    "downgrade", "enter", "leave", "mask",     "unmask"};
constexpr std::array<std::string_view, 3> kModeWords = {"W", "r", "R"};
constexpr std::array<std::string_view, 4> kStrengthWords = {"", " timed", " resilient", ""};

bool Names(const Event& event, int lock) { return event.lock == lock || event.nest == lock; }

void WriteLock(const EventSequence& sequence, int lock, std::ostream& out) {
  const LockDescription& description = sequence.locks[lock];
  const ClassDescription& lock_class = sequence.classes[description.lock_class];
  out << "lock L" << lock << " " << WordOf(kLockKindWords, lock_class.kind)
      << " class=" << ClassName(description.lock_class);
  if (lock_class.ordered) out << " rank=" << description.rank;
  out << "\n";
}

void WriteAcquisition(const Event& event, std::ostream& out) {
  out << " " << WordOf(kModeWords, event.mode) << WordOf(kStrengthWords, event.strength);
  if (event.subclass != 0) out << " subclass=" << int{event.subclass};
  if (event.nest != Event::kNone) out << " nest=L" << event.nest;
  if (event.type == Event::Type::kTry) out << (event.got_it ? " =ok" : " =busy");
}

bool HasContext(Event::Type type) {
  return type == Event::Type::kEnter || type == Event::Type::kMask || type == Event::Type::kUnmask;
}

void WriteEvent(const Event& event, std::ostream& out) {
  out << "T" << event.thread << " " << WordOf(kTypeWords, event.type);
  if (event.lock != Event::kNone) out << " L" << event.lock;
  if (event.type == Event::Type::kAcquire || event.type == Event::Type::kTry) {
    WriteAcquisition(event, out);
  }
  if (HasContext(event.type)) out << " " << WordOf(kContextWords, event.context);
  out << "\n";
}

}  // namespace

const char* ClassName(int lock_class) {
  static constexpr std::array<const char*, EventSequence::kMostClasses> kNames = {"A", "B", "C",
                                                                                  "D", "E", "F"};
  return kNames[lock_class];
}

std::string ToString(const EventSequence& sequence) {
  std::ostringstream out;
  for (int lock = 0; lock < static_cast<int>(sequence.locks.size()); ++lock) {
    const bool occurs = std::any_of(sequence.events.begin(), sequence.events.end(),
                                    [lock](const Event& event) { return Names(event, lock); });
    if (occurs) WriteLock(sequence, lock, out);
  }
  for (const Event& event : sequence.events) WriteEvent(event, out);
  return out.str();
}

}  // namespace rqlockdep
