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
          (std::vector<std::string>{"depth", "threads", "scattered", "edges"}), "which rows");
ABSL_FLAG(int, rounds, 101, "how many rounds; the numbers are medians over them");
ABSL_FLAG(int, pairs, 20'000, "acquisitions and releases in one slice");
ABSL_FLAG(std::vector<std::string>, instances, (std::vector<std::string>{"10000", "100000"}),
          "how many locks, for the row scattered");
ABSL_FLAG(int, classes, 10'000, "how many classes, for the row edges");
ABSL_FLAG(bool, markdown, false, "print the tables as Markdown");

namespace {

namespace rb = rqlockdep::benchmark;

constexpr std::pair<const char*, void (*)(const rb::ValidatorRowOptions&, std::ostream&)> kRows[] =
    {
        {"depth", rb::DepthRow},
        {"threads", rb::ThreadsRow},
        {"scattered", rb::ScatteredRow},
        {"edges", rb::EdgesRow},
};

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
  for (const std::string& text : absl::GetFlag(FLAGS_instances)) {
    options.instances.push_back(std::atoi(text.c_str()));
    if (options.instances.back() < 2) return 2;
  }
  if (options.rounds < 1 || options.pairs < 1 || options.classes < 100) return 2;
  const std::vector<std::string> wanted = absl::GetFlag(FLAGS_rows);
  for (const auto& [name, run] : kRows) {
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    run(options, std::cout);
    std::cout << std::endl;
  }
  return 0;
}
