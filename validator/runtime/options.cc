#include "validator/runtime/options.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>

#include "validator/runtime/signal_names.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

constexpr std::string_view kSeparators = ":, \t\r\n";

// One line, cut where the buffer ends.
class Line {
 public:
  Line& operator<<(std::string_view text) {
    const size_t size = std::min(text.size(), sizeof(text_) - 1 - size_);
    memcpy(text_ + size_, text.data(), size);
    size_ += size;
    text_[size_] = '\0';
    return *this;
  }
  const char* text() const { return text_; }
  size_t size() const { return size_; }

 private:
  char text_[512] = {};
  size_t size_ = 0;
};

void WarnOnStandardError(const char* message) {
  // One write, so that the line stays whole among those of other processes.
  Line line;
  line << message;
  char text[sizeof(Line)];
  memcpy(text, line.text(), line.size());
  text[line.size()] = '\n';
  RawWriteAll(STDERR_FILENO, text, line.size() + 1);
}

bool ParseBool(std::string_view value, bool* result) {
  if (value == "1" || value == "true" || value == "yes") return *result = true, true;
  if (value == "0" || value == "false" || value == "no") return *result = false, true;
  return false;
}

template <typename Number>
bool ParseNumber(std::string_view value, Number minimum, Number* result) {
  Number number;
  const char* end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || rest != end || number < minimum) return false;
  *result = number;
  return true;
}

template <typename Enum>
struct Choice {
  std::string_view text;
  Enum value;
};

template <typename Enum, size_t kCount>
bool ParseChoice(std::string_view value, const Choice<Enum> (&choices)[kCount], Enum* result) {
  for (const Choice<Enum>& choice : choices) {
    if (choice.text == value) return *result = choice.value, true;
  }
  return false;
}

constexpr Choice<FailOn> kFailOn[] = {
    {"error", FailOn::kError}, {"warning", FailOn::kWarning}, {"never", FailOn::kNever}};
constexpr Choice<Severity> kSeverities[] = {
    {"note", Severity::kNote}, {"warning", Severity::kWarning}, {"error", Severity::kError}};
constexpr Choice<Confidence> kConfidences[] = {{"few-threads", Confidence::kFewThreads},
                                               {"single-thread", Confidence::kSingleThread},
                                               {"witnessed", Confidence::kWitnessed}};
constexpr Choice<bool> kStacks[] = {{"fast", false}, {"full", true}};

enum class Outcome { kSet, kUnknown, kMalformed, kTooLong };

// Sets one option; `expected` says what would have been right.
Outcome SetOption(std::string_view name, std::string_view value, Options* options,
                  std::string_view* expected) {
  const auto outcome = [](bool good) { return good ? Outcome::kSet : Outcome::kMalformed; };
  *expected = "one of 0, 1, false, true, no, yes";
  if (name == "enabled") return outcome(ParseBool(value, &options->enabled));
  if (name == "halt_on_error") return outcome(ParseBool(value, &options->halt_on_error));
  if (name == "halt_on_deadlock") return outcome(ParseBool(value, &options->halt_on_deadlock));
  if (name == "symbolize") return outcome(ParseBool(value, &options->symbolize));
  *expected = "a number from 0 to 255";
  if (name == "exitcode") return outcome(ParseNumber<uint8_t>(value, 0, &options->exitcode));
  *expected = "a number from 1 to 4294967295";
  if (name == "max_steps") return outcome(ParseNumber<uint32_t>(value, 1, &options->max_steps));
  *expected = "one of error, warning, never";
  if (name == "fail_on") return outcome(ParseChoice(value, kFailOn, &options->fail_on));
  *expected = "one of note, warning, error";
  if (name == "min_severity") {
    return outcome(ParseChoice(value, kSeverities, &options->min_severity));
  }
  *expected = "one of few-threads, single-thread, witnessed";
  if (name == "min_confidence") {
    return outcome(ParseChoice(value, kConfidences, &options->min_confidence));
  }
  *expected = "one of fast, full";
  if (name == "stacks") return outcome(ParseChoice(value, kStacks, &options->full_stacks));
  *expected = "the name or number of a signal that can be caught";
  if (name == "dump_signal") return outcome(ParseSignal(value, &options->dump_signal));
  if (name == "log_path") {
    *expected = "a path";
    if (value.empty()) return Outcome::kMalformed;
    if (value.size() >= sizeof(options->log_path)) return Outcome::kTooLong;
    memcpy(options->log_path, value.data(), value.size());
    options->log_path[value.size()] = '\0';
    return Outcome::kSet;
  }
  return Outcome::kUnknown;
}

// Takes the value off the front of `text`: up to a separator, or what is in quotes.
bool TakeValue(std::string_view* text, std::string_view* value) {
  if (!text->empty() && (text->front() == '\'' || text->front() == '"')) {
    const size_t end = text->find(text->front(), 1);
    if (end == std::string_view::npos) {
      *value = *text;
      *text = {};
      return false;
    }
    *value = text->substr(1, end - 1);
    text->remove_prefix(end + 1);
    return true;
  }
  *value = text->substr(0, text->find_first_of(kSeparators));
  text->remove_prefix(value->size());
  return true;
}

}  // namespace

void ParseOptions(const char* text, Options* options, OptionsWarning warn) {
  if (text == nullptr) return;
  if (warn == nullptr) warn = &WarnOnStandardError;
  std::string_view rest(text);
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSeparators), rest.size()));
    if (rest.empty()) return;
    Line message;
    message << "rqlockdep: warning: RQLOCKDEP_OPTIONS: ";

    const size_t name_end = std::min(rest.find_first_of(kSeparators), rest.size());
    const std::string_view name = rest.substr(0, std::min(rest.find('='), name_end));
    rest.remove_prefix(name.size());
    if (rest.empty() || rest.front() != '=') {
      message << "'" << name << "' is not of the form name=value; ignored";
      warn(message.text());
      continue;
    }
    rest.remove_prefix(1);
    std::string_view value;
    if (!TakeValue(&rest, &value)) {
      message << "option '" << name << "': no closing quote; ignored";
      warn(message.text());
      continue;
    }

    std::string_view expected;
    switch (SetOption(name, value, options, &expected)) {
      case Outcome::kSet:
        continue;
      case Outcome::kUnknown:
        message << "unknown option '" << name << "'; ignored";
        break;
      case Outcome::kMalformed:
        message << "option '" << name << "': '" << value.substr(0, 200) << "' is not " << expected
                << "; ignored";
        break;
      case Outcome::kTooLong:
        message << "option '" << name << "': the path is longer than 4095 bytes; ignored";
        break;
    }
    warn(message.text());
  }
}

void OptionsFromEnvironment(EnvironmentLookup lookup, Options* options, OptionsWarning warn) {
  const char* bazel_test = lookup("BAZEL_TEST");
  if ((bazel_test != nullptr && strcmp(bazel_test, "1") == 0) || lookup("TEST_TMPDIR") != nullptr) {
    options->fail_on = FailOn::kWarning;
    options->halt_on_deadlock = true;
  }
  ParseOptions(lookup("RQLOCKDEP_OPTIONS"), options, warn);
}

}  // namespace rqlockdep
