// What the validator costs, beside the same locks without it and beside absl's deadlock detector:
// the tables of the README. All numbers of a row come from one run in which the locks take turns,
// slice by slice, in changing order; differences and ratios are taken within each round, and what
// is printed is the median over the rounds.
//
//   bazel run -c opt --//:validator=on //tests/benchmark:validator_comparison -- --markdown
//   bazel run -c opt --//:validator=on //tests/benchmark:validator_comparison -- --rows=edges
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "tests/benchmark/hook_library.h"
#include "tests/benchmark/validator_rows.h"

ABSL_FLAG(std::vector<std::string>, rows,
          (std::vector<std::string>{"depth", "threads", "contended", "scattered", "edges"}),
          "which rows");
ABSL_FLAG(int, rounds, 101, "how many rounds; the numbers are medians over them");
ABSL_FLAG(int, pairs, 20'000, "acquisitions and releases in one slice");
ABSL_FLAG(std::vector<std::string>, instances, (std::vector<std::string>{"10000", "100000"}),
          "how many locks, for the row scattered");
ABSL_FLAG(int, classes, 10'000, "how many classes, for the row edges");
ABSL_FLAG(std::vector<std::string>, threads, (std::vector<std::string>{"2", "4"}),
          "how many threads, for the row contended");
ABSL_FLAG(double, seconds, 0.2, "length of a round of one lock, for the row contended");
ABSL_FLAG(int, contended_rounds, 15, "how many rounds, for the row contended");
ABSL_FLAG(bool, markdown, false, "print the tables as Markdown");

namespace {

namespace rb = rqlockdep::benchmark;

using Row = bool (*)(const rb::ValidatorRowOptions&, std::ostream&);

// For the rows that can only measure.
template <void (*kRow)(const rb::ValidatorRowOptions&, std::ostream&)>
bool Measure(const rb::ValidatorRowOptions& options, std::ostream& out) {
  kRow(options, out);
  return true;
}

constexpr std::pair<const char*, Row> kRows[] = {
    {"depth", &Measure<rb::DepthRow>}, {"threads", &Measure<rb::ThreadsRow>},
    {"contended", &rb::ContendedRow},  {"scattered", &Measure<rb::ScatteredRow>},
    {"edges", &Measure<rb::EdgesRow>},
};

// False if one of them is below `least`.
bool Numbers(const std::vector<std::string>& texts, int least, std::vector<int>& numbers) {
  for (const std::string& text : texts) {
    numbers.push_back(std::atoi(text.c_str()));
    if (numbers.back() < least) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures what the validator costs.");
  absl::ParseCommandLine(argc, argv);
  rb::LoadHookLibrary(argv[0]);
  rb::ValidatorRowOptions options;
  options.rounds = absl::GetFlag(FLAGS_rounds);
  options.pairs = absl::GetFlag(FLAGS_pairs);
  options.classes = absl::GetFlag(FLAGS_classes);
  options.markdown = absl::GetFlag(FLAGS_markdown);
  options.seconds = absl::GetFlag(FLAGS_seconds);
  options.contended_rounds = absl::GetFlag(FLAGS_contended_rounds);
  if (!Numbers(absl::GetFlag(FLAGS_instances), 2, options.instances) ||
      !Numbers(absl::GetFlag(FLAGS_threads), 1, options.threads)) {
    return 2;
  }
  if (options.rounds < 1 || options.pairs < 1 || options.classes < 100 ||
      options.contended_rounds < 1 || !(options.seconds > 0)) {
    return 2;
  }
  bool good = true;
  const std::vector<std::string> wanted = absl::GetFlag(FLAGS_rows);
  for (const auto& [name, run] : kRows) {
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    good = run(options, std::cout) && good;
    std::cout << std::endl;
  }
  return good ? 0 : 1;
}
