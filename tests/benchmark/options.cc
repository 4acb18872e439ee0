#include "tests/benchmark/options.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"

ABSL_FLAG(std::vector<std::string>, rows, {}, "which rows, by name; all if empty");
ABSL_FLAG(std::vector<std::string>, locks, {}, "which locks, by name; all if empty");
ABSL_FLAG(double, seconds, 1, "length of one round of one lock");
ABSL_FLAG(int, rounds, 9, "how many rounds; the numbers are medians over them");
ABSL_FLAG(std::vector<std::string>, threads, (std::vector<std::string>{"4", "8", "16", "32"}),
          "numbers of threads, for the rows short and long");
ABSL_FLAG(std::vector<std::string>, rings, (std::vector<std::string>{"2", "3", "8", "32"}),
          "numbers of threads, for the row ring");
ABSL_FLAG(int, repetitions, 200, "of each ring");
ABSL_FLAG(double, near_below, 100,
          "processors are near if a cache line takes less than so many ns there and back");
ABSL_FLAG(bool, waits, true, "measure waits, too, in the rows short and long");
ABSL_FLAG(bool, markdown, false, "print the tables as Markdown");

namespace rqlockdep::benchmark {
namespace {

[[noreturn]] void Fail(const std::string& message) {
  std::cerr << "lock_comparison: " << message << '\n';
  std::exit(2);
}

std::vector<int> Numbers(const std::vector<std::string>& texts, int least) {
  std::vector<int> numbers;
  for (const std::string& text : texts) {
    int number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < least || number > 10'000) {
      Fail("not a possible number of threads: " + text);
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<Contestant> ChosenContestants(const std::vector<std::string>& names) {
  const std::vector<Contestant>& all = AllContestants();
  if (names.empty()) return all;
  std::vector<std::string> known;
  std::vector<Contestant> chosen;
  for (const Contestant& contestant : all) {
    known.push_back(contestant.name);
    if (std::find(names.begin(), names.end(), contestant.name) != names.end()) {
      chosen.push_back(contestant);
    }
  }
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      Fail("no such lock: " + name + "; there are " + absl::StrJoin(known, ", "));
    }
  }
  return chosen;
}

}  // namespace

Options ParseOptions(int argc, char** argv, const std::vector<std::string>& all_rows) {
  absl::SetProgramUsageMessage("Compares the locks. Rows: " + absl::StrJoin(all_rows, ", "));
  if (absl::ParseCommandLine(argc, argv).size() != 1) Fail("only flags are understood");

  Options options;
  options.rows = absl::GetFlag(FLAGS_rows);
  for (const std::string& row : options.rows) {
    if (std::find(all_rows.begin(), all_rows.end(), row) == all_rows.end()) {
      Fail("no such row: " + row + "; there are " + absl::StrJoin(all_rows, ", "));
    }
  }
  if (options.rows.empty()) options.rows = all_rows;
  options.contestants = ChosenContestants(absl::GetFlag(FLAGS_locks));
  options.seconds = absl::GetFlag(FLAGS_seconds);
  options.rounds = absl::GetFlag(FLAGS_rounds);
  options.repetitions = absl::GetFlag(FLAGS_repetitions);
  if (!(options.seconds > 0) || options.rounds < 1 || options.repetitions < 1) {
    Fail("--seconds, --rounds and --repetitions have to be above zero");
  }
  options.threads = Numbers(absl::GetFlag(FLAGS_threads), 1);
  options.rings = Numbers(absl::GetFlag(FLAGS_rings), 2);
  options.near_nanoseconds = absl::GetFlag(FLAGS_near_below);
  options.waits = absl::GetFlag(FLAGS_waits);
  options.markdown = absl::GetFlag(FLAGS_markdown);
  return options;
}

}  // namespace rqlockdep::benchmark
