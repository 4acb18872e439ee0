// What the validator has found, for the program itself: a handler for tests, logs and crash
// reports.
//
//   rqlockdep::SetFindingHandler([](const rqlockdep::FindingReport& report) {
//     std::fprintf(stderr, "%.*s", static_cast<int>(report.text.size()), report.text.data());
//   });
//
// While a handler is set, reports go to it and nowhere else. It is called once for each finding
// that the options let through, on the thread that caused it, with that thread's locks held and one
// call at a time; locks that it takes are not validated. It must not wait for another thread that
// may have a finding to report, and should not throw. If the finding came from a signal handler, it
// runs there too.
//
// Exit status and FindingCount() count as ever, handler or not. With the validator off the
// functions exist and do nothing: no handler is ever called, the count stays 0.
#ifndef RQLOCKDEP_FINDINGS_H_
#define RQLOCKDEP_FINDINGS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#ifndef RQLOCKDEP_VALIDATOR
#error "depend on one of rqlockdep's Bazel targets, or define RQLOCKDEP_VALIDATOR as 0 or 1"
#endif

namespace rqlockdep {

// The views are valid during the call only. Texts are the stable ones of docs/semantics.md.
struct FindingReport {
  std::string_view id;          // "circular-dependency", ...
  std::string_view severity;    // "note", "warning", "error"
  std::string_view confidence;  // "few-threads", "single-thread", "witnessed"
  uint32_t number = 0;          // counts the findings of this process, from 1
  std::string_view text;        // the whole report, several lines
};

using FindingHandler = void (*)(const FindingReport& report);

#if RQLOCKDEP_VALIDATOR

// Returns the handler that was set before; null is none. May be called at any time.
FindingHandler SetFindingHandler(FindingHandler handler);

// How many findings were reported since the program began.
size_t FindingCount();

#else

inline FindingHandler SetFindingHandler(FindingHandler) { return nullptr; }
inline size_t FindingCount() { return 0; }

#endif

}  // namespace rqlockdep

#endif  // RQLOCKDEP_FINDINGS_H_
