// The conformance traces: traces with the ids of the findings that they must produce.
//
// Read from the folder tests/conformance below the current directory, which is where `bazel test`
// puts it, and where it is from the root of the repository.
#ifndef RQLOCKDEP_TESTS_CONFORMANCE_TRACE_CORPUS_H_
#define RQLOCKDEP_TESTS_CONFORMANCE_TRACE_CORPUS_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rqlockdep {

struct CorpusTrace {
  std::string name;  // folder/file, without tests/conformance/ and .trace
  std::string text;
  // Of the `# expect:` comments; not set if there is none. "none" is the empty set.
  std::optional<std::set<std::string>> expected_ids;
};

// All traces, sorted by name. Ends the program if a file cannot be read.
std::vector<CorpusTrace> LoadTraceCorpus();

// The ids that the comments of a trace expect.
std::optional<std::set<std::string>> ExpectedIds(std::string_view text);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_CONFORMANCE_TRACE_CORPUS_H_
