// The locks beside their peers: the tables of the README. All numbers of a row come from one run in
// which the locks take turns, round by round, in changing order; ratios are taken within each
// round, and what is printed is the median over the rounds.
//
//   bazel run -c opt //tests/benchmark:lock_comparison -- --markdown
//   bazel run -c opt //tests/benchmark:lock_comparison -- --rows=short --threads=8 --seconds=0.2
//     --rounds=3 --locks=queued,resilient,std_mutex,pthread_spin
//
// The exit status is 1 if a lock did what it must not (rows.h).
#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tests/benchmark/options.h"
#include "tests/benchmark/rows.h"

namespace {

namespace rb = rqlockdep::benchmark;

constexpr std::pair<const char*, bool (*)(const rb::Options&, std::ostream&)> kRows[] = {
    {"uncontended", rb::UncontendedRow},
    {"pair", rb::PairRow},
    {"short", rb::ShortRow},
    {"long", rb::LongRow},
    {"aa", rb::AaRow},
    {"ring", rb::RingRow},
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names;
  for (const auto& row : kRows) names.emplace_back(row.first);
  const rb::Options options = rb::ParseOptions(argc, argv, names);
  // Debian's library looks for deadlocks unless told otherwise, which is not what is compared here.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  bool good = true;
  for (const auto& [name, run] : kRows) {
    if (std::find(options.rows.begin(), options.rows.end(), name) == options.rows.end()) continue;
    if (!run(options, std::cout)) good = false;
    std::cout << std::endl;
  }
  return good ? 0 : 1;
}
