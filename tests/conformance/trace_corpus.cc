#include "tests/conformance/trace_corpus.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace rqlockdep {
namespace {

[[noreturn]] void Die(const std::string& path, const char* what) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), what);
  std::exit(1);
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !text) Die(path.string(), "cannot be read");
  return text.str();
}

}  // namespace

std::optional<std::set<std::string>> ExpectedIds(std::string_view text) {
  constexpr std::string_view kMark = "# expect:";
  std::optional<std::set<std::string>> ids;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const size_t mark = line.find(kMark);
    if (mark == std::string::npos) continue;
    if (!ids) ids.emplace();
    std::istringstream words(line.substr(mark + kMark.size()));
    for (std::string word; words >> word;) {
      if (word != "none") ids->insert(word);
    }
  }
  return ids;
}

std::vector<CorpusTrace> LoadTraceCorpus() {
  const std::filesystem::path root = "tests/conformance";
  std::vector<CorpusTrace> corpus;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(root, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::filesystem::path& path = entry->path();
    if (path.extension() != ".trace") continue;
    CorpusTrace trace;
    trace.name = path.lexically_relative(root).replace_extension().string();
    trace.text = ReadFile(path);
    trace.expected_ids = ExpectedIds(trace.text);
    corpus.push_back(std::move(trace));
  }
  if (error) Die(root.string(), error.message().c_str());
  if (corpus.empty()) Die(root.string(), "no traces");
  std::sort(corpus.begin(), corpus.end(),
            [](const CorpusTrace& a, const CorpusTrace& b) { return a.name < b.name; });
  return corpus;
}

}  // namespace rqlockdep
