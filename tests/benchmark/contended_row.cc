// The row "contended".
#include <chrono>
#include <ostream>

#include "tests/benchmark/computation.h"
#include "tests/benchmark/contention_table.h"
#include "tests/benchmark/table.h"
#include "tests/benchmark/validated_locks.h"
#include "tests/benchmark/validator_rows.h"

namespace rqlockdep::benchmark {
namespace {

constexpr double kOutsideNanoseconds = 74;

// A peer (peers.h), which is constructed without a class.
template <typename SomeLock>
class Peer {
 public:
  struct Hold {};
  void Lock(Hold&) { lock_.Lock(); }
  void Unlock(Hold&) { lock_.Unlock(); }

 private:
  // One for each type, because a class has locks of one kind.
  static const LockClass& Class() {
    static const LockClass& lock_class = NewClasses(1).front();
    return lock_class;
  }
  SomeLock lock_{Class()};
};

}  // namespace

bool ContendedRow(const ValidatorRowOptions& options, std::ostream& out) {
  ContentionPlan plan;
  plan.contenders = {{"std_mutex", &Contend<Peer<PlainMutex>>},
                     {"validated_mutex", &Contend<Peer<ValidatedMutex>>},
                     {"queued_on", &Contend<Peer<Queued>>},
                     {"resilient_on", &Contend<Peer<Resilient>>}};
  plan.threads = options.threads;
  plan.setup.outside_steps = StepsFor(kOutsideNanoseconds);
  plan.setup.length = std::chrono::duration<double>(options.seconds);
  plan.rounds = options.contended_rounds;
  plan.markdown = options.markdown;
  out << "contended: threads that compete for one lock, short section, " << kOutsideNanoseconds
      << " ns outside, not pinned, " << plan.rounds << " rounds of " << Digits(options.seconds)
      << " s; percentiles are of the wait for one acquisition\n";
  return PrintContention(plan, out);
}

}  // namespace rqlockdep::benchmark
