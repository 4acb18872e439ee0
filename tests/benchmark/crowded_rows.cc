// The rows "short" and "long".
#include <chrono>
#include <ostream>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/contention_table.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/table.h"

namespace rqlockdep::benchmark {
namespace {

constexpr double kOutsideNanoseconds = 74;
constexpr double kLongSectionNanoseconds = 700;

bool CrowdedRow(const Options& options, double inside_nanoseconds, std::ostream& out) {
  ContentionPlan plan;
  for (const Contestant& contestant : options.contestants) {
    plan.contenders.push_back({contestant.name, contestant.contend});
  }
  plan.threads = options.threads;
  plan.setup.outside_steps = StepsFor(kOutsideNanoseconds);
  plan.setup.inside_steps = StepsFor(inside_nanoseconds);
  plan.setup.length = std::chrono::duration<double>(options.seconds);
  plan.rounds = options.rounds;
  plan.waits = options.waits;
  plan.markdown = options.markdown;
  out << kOutsideNanoseconds << " ns outside, threads not pinned, " << options.rounds
      << " rounds of " << Digits(options.seconds)
      << " s; percentiles are of the wait for one acquisition\n";
  return PrintContention(plan, out);
}

}  // namespace

bool ShortRow(const Options& options, std::ostream& out) {
  out << "short: more threads, short section, ";
  return CrowdedRow(options, 0, out);
}

bool LongRow(const Options& options, std::ostream& out) {
  out << "long: more threads, section of " << kLongSectionNanoseconds << " ns, ";
  return CrowdedRow(options, kLongSectionNanoseconds, out);
}

}  // namespace rqlockdep::benchmark
