#include "validator/trace/trace_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rqlockdep/acquisition.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_words.h"

namespace rqlockdep {
namespace {

constexpr size_t kMaxLineBytes = 64 * 1024;

struct Word {
  std::string_view text;
  TracePosition position;
};

// The column just after `word`: where something is missing.
TracePosition After(const Word& word) {
  return {word.position.line, word.position.column + static_cast<int>(word.text.size())};
}

// The locale must not matter, so no <cctype>.
bool IsNameStart(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

bool IsNameByte(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
}

bool IsName(std::string_view text) {
  if (text.empty() || !IsNameStart(text.front())) return false;
  for (char c : text) {
    if (!IsNameByte(c)) return false;
  }
  return true;
}

// `text` in quotes for a message: short and printable, whatever it holds.
std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "'";
  for (char c : text.substr(0, kMaxShown)) {
    if (c >= 0x20 && c <= 0x7e) {
      quoted += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (text.size() > kMaxShown) quoted += "...";
  return quoted + "'";
}

// The offset of the first byte of `line` that is not part of well-formed UTF-8 (Unicode, table 3-7:
// no overlong forms, no surrogates, nothing above U+10FFFF).
std::optional<size_t> FindInvalidUtf8(std::string_view line) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(line[i]); };
  size_t i = 0;
  while (i < line.size()) {
    const unsigned lead = byte(i);
    size_t more;
    unsigned low = 0x80;  // the range of the second byte
    unsigned high = 0xbf;
    if (lead < 0x80) {
      more = 0;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return i;
    }
    for (size_t k = 1; k <= more; ++k) {
      if (i + k >= line.size() || byte(i + k) < low || byte(i + k) > high) return i;
      low = 0x80;
      high = 0xbf;
    }
    i += more + 1;
  }
  return std::nullopt;
}

// The words of a line before its comment.
std::vector<Word> SplitLine(std::string_view line, int line_number) {
  std::vector<Word> words;
  const size_t end = std::min(line.find('#'), line.size());
  size_t i = 0;
  while (i < end) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < end && line[i] != ' ' && line[i] != '\t') ++i;
    words.push_back({line.substr(begin, i - begin), {line_number, static_cast<int>(begin) + 1}});
  }
  return words;
}

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

bool MayBeShared(LockKind kind) {
  return kind == LockKind::kRwlock || kind == LockKind::kFairRwlock || kind == LockKind::kRwsem ||
         kind == LockKind::kMap || IsSection(kind);
}

bool OutcomeFits(TraceOutcome outcome, LockKind kind, const TraceEvent& event) {
  const bool bounded = !event.try_only && (event.timed || kind == LockKind::kRqspinlock);
  switch (outcome) {
    case TraceOutcome::kOk:
      return true;
    case TraceOutcome::kBusy:
      return event.try_only;
    case TraceOutcome::kTimeout:
    case TraceOutcome::kDeadlock:
      return bounded;
  }
  return false;
}

// Reads one text from its begin to its end or its first error. Each item is checked as a whole
// before it changes anything, so that with an error the trace is that of the items before it.
class TraceParser {
 public:
  explicit TraceParser(std::string_view text) : text_(text) {}

  TraceReadResult Parse() {
    ParseLines();
    return std::move(result_);
  }

 private:
  struct ThreadState {
    bool exited = false;
    std::vector<ContextKind> contexts;  // innermost last
  };

  void ParseLines() {
    TracePosition end = {1, 1};
    size_t begin = 0;
    int line_number = 0;
    while (begin < text_.size()) {
      ++line_number;
      const size_t line_feed = text_.find('\n', begin);
      const bool ends = line_feed == std::string_view::npos;  // no line feed at the end of the text
      const std::string_view line =
          text_.substr(begin, ends ? std::string_view::npos : line_feed - begin);
      if (!ParseLine(line, line_number)) return;
      end = ends ? TracePosition{line_number, static_cast<int>(line.size()) + 1}
                 : TracePosition{line_number + 1, 1};
      begin = ends ? text_.size() : line_feed + 1;
    }
    if (!has_magic_) Fail(end, "the magic line 'lock-trace 1' is missing");
  }

  bool ParseLine(std::string_view line, int line_number) {
    if (line.size() > kMaxLineBytes) {
      return Fail({line_number, static_cast<int>(kMaxLineBytes) + 1},
                  "the line is longer than 64 KiB");
    }
    if (const std::optional<size_t> offset = FindInvalidUtf8(line)) {
      return Fail({line_number, static_cast<int>(*offset) + 1}, "not UTF-8");
    }
    const std::vector<Word> words = SplitLine(line, line_number);
    if (words.empty()) return true;
    if (!has_magic_) return ParseMagic(words);
    if (words[0].text == kLockWord) return ParseDeclaration(words);
    return ParseEvent(words);
  }

  bool ParseMagic(const std::vector<Word>& words) {
    if (words[0].text != kTraceMagicWord) {
      return Fail(words[0], "expected the magic line 'lock-trace 1', not " + Quoted(words[0].text));
    }
    if (words.size() < 2) return FailMissing(words, "version");
    if (words[1].text != kTraceVersionWord) {
      return Fail(words[1], "unknown version " + Quoted(words[1].text) + ", expected 1");
    }
    if (words.size() > 2) return FailExtra(words[2]);
    has_magic_ = true;
    return true;
  }

  bool ParseDeclaration(const std::vector<Word>& words) {
    if (words.size() < 2) return FailMissing(words, "lock name");
    const Word& name = words[1];
    if (!CheckName(name, name.text, "lock")) return false;
    if (lock_index_.contains(name.text)) {
      return Fail(name, "lock " + Quoted(name.text) + " is declared twice");
    }
    if (words.size() < 3) return FailMissing(words, "lock kind");
    const std::optional<LockKind> kind = ValueOf<LockKind>(kLockKindWords, words[2].text);
    if (!kind) return Fail(words[2], "unknown lock kind " + Quoted(words[2].text));

    std::string_view class_name = name.text;
    bool has_class = false;
    for (size_t i = 3; i < words.size(); ++i) {
      if (!words[i].text.starts_with(kClassPrefix)) return FailUnknown(words[i]);
      if (has_class) return FailTwice(words[i], kClassPrefix);
      has_class = true;
      class_name = words[i].text.substr(kClassPrefix.size());
      if (!CheckName(words[i], class_name, "class")) return false;
    }
    const auto known = class_kind_.find(class_name);
    if (known != class_kind_.end() && known->second != *kind) {
      return Fail(words[2], "class " + Quoted(class_name) + " has locks of kind " +
                                std::string(WordOf(kLockKindWords, known->second)));
    }

    class_kind_.emplace(class_name, *kind);
    lock_index_.emplace(name.text, static_cast<int>(result_.trace.locks.size()));
    result_.trace.locks.push_back({std::string(name.text), std::string(class_name), *kind});
    return true;
  }

  bool ParseEvent(const std::vector<Word>& words) {
    TraceEvent event;
    const Word& thread = words[0];
    event.position = thread.position;
    if (!CheckName(thread, thread.text, "thread")) return false;
    const auto known = thread_index_.find(thread.text);
    const bool is_new = known == thread_index_.end();
    if (!is_new && thread_states_[known->second].exited) {
      return Fail(thread, "thread " + Quoted(thread.text) + " has exited");
    }
    if (words.size() < 2) return FailMissing(words, "operation");
    event.op_position = words[1].position;
    const std::optional<TraceOp> op = ValueOf<TraceOp>(kTraceOpWords, words[1].text);
    if (!op) return Fail(words[1], "unknown operation " + Quoted(words[1].text));
    event.op = *op;
    if (words.size() > 2) event.argument_position = words[2].position;

    std::string_view other_thread;
    size_t used = 3;  // words that belong to the event
    switch (event.op) {
      case TraceOp::kAcquire:
        if (!ParseLockArgument(words, event) || !ParseAcquireOptions(words, event)) return false;
        used = words.size();
        break;
      case TraceOp::kDowngrade:
        if (!ParseLockArgument(words, event)) return false;
        if (const TraceLock& lock = result_.trace.locks[event.lock]; !MayBeShared(lock.kind)) {
          return Fail(words[1], "a " + std::string(WordOf(kLockKindWords, lock.kind)) +
                                    " cannot be shared, so there is no downgrade");
        }
        break;
      case TraceOp::kRelease:
      case TraceOp::kInit:
      case TraceOp::kDestroy:
        if (!ParseLockArgument(words, event)) return false;
        break;
      case TraceOp::kEnter:
      case TraceOp::kMask:
      case TraceOp::kUnmask:
        if (!ParseContext(words, event)) return false;
        break;
      case TraceOp::kLeave:
        if (!ParseContext(words, event)) return false;
        if (is_new || !IsInnermost(event.context, thread_states_[known->second])) {
          return Fail(words[2], "the innermost context of thread " + Quoted(thread.text) +
                                    " is not " + Quoted(words[2].text));
        }
        break;
      case TraceOp::kSpawn:
      case TraceOp::kJoin:
        if (words.size() < 3) return FailMissing(words, "thread name");
        other_thread = words[2].text;
        if (!CheckName(words[2], other_thread, "thread")) return false;
        break;
      case TraceOp::kExit:
        used = 2;
        break;
    }
    if (words.size() > used) return FailExtra(words[used]);

    event.thread = ThreadIndex(thread.text);
    if (!other_thread.empty()) event.other_thread = ThreadIndex(other_thread);
    ThreadState& state = thread_states_[event.thread];
    if (event.op == TraceOp::kEnter) state.contexts.push_back(event.context);
    if (event.op == TraceOp::kLeave) state.contexts.pop_back();
    if (event.op == TraceOp::kExit) state.exited = true;
    result_.trace.events.push_back(event);
    return true;
  }

  bool ParseLockArgument(const std::vector<Word>& words, TraceEvent& event) {
    if (words.size() < 3) return FailMissing(words, "lock name");
    return FindLock(words[2], words[2].text, event.lock);
  }

  bool ParseContext(const std::vector<Word>& words, TraceEvent& event) {
    if (words.size() < 3) return FailMissing(words, "context");
    const std::optional<ContextKind> context = ValueOf<ContextKind>(kContextWords, words[2].text);
    if (!context) return Fail(words[2], "unknown context " + Quoted(words[2].text));
    if (*context == ContextKind::kHardThreaded &&
        (event.op == TraceOp::kMask || event.op == TraceOp::kUnmask)) {
      return Fail(words[2], "only 'hard' and 'soft' have a mask");
    }
    event.context = *context;
    return true;
  }

  bool ParseAcquireOptions(const std::vector<Word>& words, TraceEvent& event) {
    const LockKind kind = result_.trace.locks[event.lock].kind;
    const Word* outcome_word = nullptr;
    for (size_t i = 3; i < words.size(); ++i) {
      const Word& word = words[i];
      if (word.text == kReadWord) {
        if (event.read) return FailTwice(word, kReadWord);
        if (!MayBeShared(kind)) {
          return Fail(word, "a " + std::string(WordOf(kLockKindWords, kind)) + " cannot be shared");
        }
        event.read = true;
      } else if (word.text == kTryWord) {
        if (event.try_only) return FailTwice(word, kTryWord);
        if (event.timed) return Fail(word, "'try' with 'timed'");
        event.try_only = true;
      } else if (word.text == kTimedWord) {
        if (event.timed) return FailTwice(word, kTimedWord);
        if (event.try_only) return Fail(word, "'timed' with 'try'");
        event.timed = true;
      } else if (word.text.starts_with(kSubclassPrefix)) {
        if (event.subclass != 0) return FailTwice(word, kSubclassPrefix);
        const std::string_view number = word.text.substr(kSubclassPrefix.size());
        if (number.size() != 1 || number[0] < '1' || number[0] > '7') {
          return Fail(word, "a subclass is a number from 1 to 7, not " + Quoted(number));
        }
        event.subclass = number[0] - '0';
      } else if (word.text.starts_with(kNestPrefix)) {
        if (event.nest >= 0) return FailTwice(word, kNestPrefix);
        if (!FindLock(word, word.text.substr(kNestPrefix.size()), event.nest)) return false;
      } else if (word.text.starts_with(kOutcomePrefix)) {
        if (outcome_word != nullptr) return FailTwice(word, "an outcome");
        event.outcome =
            ValueOf<TraceOutcome>(kTraceOutcomeWords, word.text.substr(kOutcomePrefix.size()));
        if (!event.outcome) return Fail(word, "unknown outcome " + Quoted(word.text));
        outcome_word = &word;
      } else {
        return FailUnknown(word);
      }
    }
    // Only now: `try` and `timed` may stand behind the outcome.
    if (outcome_word != nullptr && !OutcomeFits(*event.outcome, kind, event)) {
      return Fail(*outcome_word,
                  "outcome " + Quoted(outcome_word->text) + " does not fit this acquisition");
    }
    if (IsSection(kind)) event.read = true;
    return true;
  }

  bool FindLock(const Word& word, std::string_view name, int& index) {
    if (!CheckName(word, name, "lock")) return false;
    const auto found = lock_index_.find(name);
    if (found == lock_index_.end()) {
      return Fail(word, "lock " + Quoted(name) + " is not declared");
    }
    index = found->second;
    return true;
  }

  static bool IsInnermost(ContextKind context, const ThreadState& state) {
    return !state.contexts.empty() && state.contexts.back() == context;
  }

  int ThreadIndex(std::string_view name) {
    const int next = static_cast<int>(result_.trace.threads.size());
    const auto [entry, is_new] = thread_index_.emplace(name, next);
    if (is_new) {
      result_.trace.threads.emplace_back(name);
      thread_states_.emplace_back();
    }
    return entry->second;
  }

  bool CheckName(const Word& word, std::string_view name, std::string_view what) {
    if (IsName(name)) return true;
    return Fail(word, Quoted(name) + " is not a " + std::string(what) + " name");
  }

  // All of these return false, for the caller to return.
  bool FailMissing(const std::vector<Word>& words, std::string_view what) {
    return Fail(After(words.back()), std::string(what) + " missing");
  }

  bool FailExtra(const Word& word) { return Fail(word, "extra word " + Quoted(word.text)); }

  bool FailUnknown(const Word& word) { return Fail(word, "unknown word " + Quoted(word.text)); }

  bool FailTwice(const Word& word, std::string_view what) {
    return Fail(word, Quoted(what) + " given twice");
  }

  bool Fail(const Word& word, std::string message) {
    return Fail(word.position, std::move(message));
  }

  bool Fail(TracePosition position, std::string message) {
    result_.error = TraceError{position, std::move(message)};
    return false;
  }

  const std::string_view text_;
  TraceReadResult result_;
  bool has_magic_ = false;
  // Ordered maps: no text can make them slow. The keys point into text_.
  std::map<std::string_view, int> lock_index_;
  std::map<std::string_view, LockKind> class_kind_;
  std::map<std::string_view, int> thread_index_;
  std::vector<ThreadState> thread_states_;
};

}  // namespace

TraceReadResult ReadTrace(std::string_view text) { return TraceParser(text).Parse(); }

}  // namespace rqlockdep
