#include "validator/runtime/signal_names.h"

#include <signal.h>

#include <charconv>
#include <cstring>
#include <system_error>

namespace rqlockdep {
namespace {

bool ParseDecimal(std::string_view text, int* number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && rest == end && *number >= 0;
}

bool RemovePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// Nothing, or `sign` and a number that stays among the real-time signals.
bool ParseOffset(std::string_view text, std::string_view sign, int* offset) {
  *offset = 0;
  return text.empty() || (RemovePrefix(&text, sign) && ParseDecimal(text, offset) &&
                          *offset <= SIGRTMAX - SIGRTMIN);
}

// `text` without "SIG".
bool FindSignal(std::string_view text, int* signal) {
  int offset = 0;
  if (RemovePrefix(&text, "RTMIN")) {
    const bool good = ParseOffset(text, "+", &offset);
    return *signal = SIGRTMIN + offset, good;
  }
  if (RemovePrefix(&text, "RTMAX")) {
    const bool good = ParseOffset(text, "-", &offset);
    return *signal = SIGRTMAX - offset, good;
  }
  for (int candidate = 1; candidate < SIGRTMIN; ++candidate) {
    // Names without "SIG"; null for numbers without a name.
    const char* const name = sigabbrev_np(candidate);
    if (name != nullptr && text == name) return *signal = candidate, true;
  }
  return false;
}

}  // namespace

bool ParseSignal(std::string_view text, int* signal) {
  if (text == "none") return *signal = 0, true;
  int number = 0;
  if (!ParseDecimal(text, &number)) {
    RemovePrefix(&text, "SIG");
    if (!FindSignal(text, &number)) return false;
  }
  // The C library keeps the first real-time signals to itself.
  const bool reserved = number >= 32 && number < SIGRTMIN;
  if (number > SIGRTMAX || number == SIGKILL || number == SIGSTOP || reserved) return false;
  *signal = number;
  return true;
}

}  // namespace rqlockdep
