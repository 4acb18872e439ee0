// The words of the lock trace format (docs/trace-format.md) for the values of the enumerations that
// it spells out. The reader and the writer share these tables, so that they cannot disagree.
//
// A table is indexed by the value of its enumeration. Constants only: no cost, no state.
#ifndef RQLOCKDEP_VALIDATOR_TRACE_TRACE_WORDS_H_
#define RQLOCKDEP_VALIDATOR_TRACE_TRACE_WORDS_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "rqlockdep/acquisition.h"
#include "validator/trace/trace.h"

namespace rqlockdep {

inline constexpr std::string_view kTraceMagicWord = "lock-trace";
inline constexpr std::string_view kTraceVersionWord = "1";
inline constexpr std::string_view kLockWord = "lock";
inline constexpr std::string_view kReadWord = "read";
inline constexpr std::string_view kTryWord = "try";
inline constexpr std::string_view kTimedWord = "timed";
inline constexpr std::string_view kClassPrefix = "class=";
inline constexpr std::string_view kSubclassPrefix = "subclass=";
inline constexpr std::string_view kNestPrefix = "nest=";
inline constexpr std::string_view kOutcomePrefix = "=";

inline constexpr std::array<std::string_view, kLockKindCount> kLockKindWords = {
    "qspinlock",   "rqspinlock", "raw_spinlock", "spinlock",          "rwlock",
    "fair_rwlock", "mutex",      "rtmutex",      "recursive_mutex",   "rwsem",
    "local_lock",  "map",        "section",      "section_nopreempt", "section_sleepable"};

inline constexpr std::array<std::string_view, 12> kTraceOpWords = {
    "acquire", "release", "downgrade", "init",  "destroy", "enter",
    "leave",   "mask",    "unmask",    "spawn", "join",    "exit"};

inline constexpr std::array<std::string_view, 4> kTraceOutcomeWords = {"ok", "busy", "timeout",
                                                                       "deadlock"};

inline constexpr std::array<std::string_view, 3> kContextWords = {"hard", "hard-threaded", "soft"};

// The word of `value`, a value of the table's enumeration.
template <typename Enum, size_t kSize>
constexpr std::string_view WordOf(const std::array<std::string_view, kSize>& words, Enum value) {
  return words[static_cast<size_t>(value)];
}

// The value whose word is `text`, if there is one.
template <typename Enum, size_t kSize>
constexpr std::optional<Enum> ValueOf(const std::array<std::string_view, kSize>& words,
                                      std::string_view text) {
  for (size_t i = 0; i < kSize; ++i) {
    if (words[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_TRACE_TRACE_WORDS_H_
