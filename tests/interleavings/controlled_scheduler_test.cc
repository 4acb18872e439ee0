// The scheduler leaves out what can show nothing new. Here it is compared with itself trying
// everything: random small programs, and a real lock, have the same set of ends either way.
#include "tests/support/controlled_scheduler.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/interleavings/explore.h"
#include "tests/interleavings/world.h"

namespace rqlockdep {
namespace {

using Ends = std::set<std::string>;
using MakeProgram = std::function<SimProgram(Ends& ends)>;

struct Explored {
  ControlledScheduler::Result result;
  Ends ends;
};

Explored ExploreWith(const MakeProgram& make, ControlledScheduler::Options options,
                     bool merge_states, bool leave_out) {
  options.merge_states = merge_states;
  options.leave_out = leave_out;
  options.executions = 100'000;
  Explored explored;
  explored.result = ControlledScheduler::Explore([&] { return make(explored.ends); }, options);
  return explored;
}

// Explores with all ways of leaving out, and compares. False if trying everything takes too long.
bool CompareAll(const MakeProgram& make, const ControlledScheduler::Options& options) {
  const Explored all = ExploreWith(make, options, false, false);
  EXPECT_EQ(all.result.failure, "");
  if (!all.result.complete) return false;
  for (const bool merge_states : {true, false}) {
    for (const bool leave_out : {true, false}) {
      const Explored some = ExploreWith(make, options, merge_states, leave_out);
      EXPECT_TRUE(some.result.complete);
      EXPECT_EQ(some.result.failure, "");
      EXPECT_EQ(some.ends, all.ends)
          << "merging " << merge_states << ", leaving out " << leave_out << ", preemptions "
          << options.preemptions << ", early wake-ups " << options.early_wakeups;
    }
  }
  return true;
}

// --- Random programs
// ------------------------------------------------------------------------------

constexpr int kVariables = 3;

struct Operation {
  enum Kind {
    kLoad,
    kStore,
    kAdd,
    kCompareAndSwap,
    kPause,
    kSleep,
    kWake,
    kNow,
    kNote,
    kPeek,
    kForget,  // this and the next two are an operation of which only the result counts
    kAwait,
    kKinds
  } kind;
  int variable;
  int value;
  bool only_if_odd;  // what the thread saw last
};
using Code = std::vector<Operation>;

struct Shared {
  SimAtomic<int> variables[kVariables];
  SimNote<int> note;
  SimNote<int> finished;
  uint64_t saw[4] = {};  // by thread, at its end; handlers' in the last one
};

class Interpreter {
 public:
  Interpreter(Shared& shared, int threads) : shared_(shared), threads_(threads) {}

  // Returns a digest of what the code saw.
  uint64_t Run(const Code& code) {
    for (size_t i = 0; i < code.size(); ++i) {
      if (code[i].kind == Operation::kForget) {
        const uint64_t begin = scheduler().BeginOperation();
        const uint64_t before = digest_;
        for (size_t end = std::min(i + 3, code.size()); ++i < end;) Do(code[i]);
        --i;
        digest_ = before;
        last_ &= 1;  // less than what was seen
        scheduler().EndOperation(begin, static_cast<uint64_t>(last_));
        Saw(last_);
      } else {
        Do(code[i]);
      }
    }
    return digest_;
  }

 private:
  static ControlledScheduler& scheduler() { return ControlledScheduler::Current(); }
  void Saw(int value) {
    last_ = value;
    digest_ = digest_ * 1'000'003 + static_cast<uint64_t>(value) + 1;
  }
  void Do(const Operation& operation) {
    if (operation.only_if_odd && last_ % 2 == 0) return;
    constexpr auto kOrder = std::memory_order_seq_cst;
    SimAtomic<int>& variable = shared_.variables[operation.variable];
    int expected = operation.value - 1;
    switch (operation.kind) {
      case Operation::kLoad:
        return Saw(variable.load(kOrder));
      case Operation::kStore:
        return variable.store(operation.value, kOrder);
      case Operation::kAdd:
        return Saw(variable.fetch_add(operation.value, kOrder));
      case Operation::kCompareAndSwap:
        Saw(variable.compare_exchange_strong(expected, operation.value, kOrder, kOrder) ? 1 : 0);
        return Saw(expected);
      case Operation::kPause:
        return scheduler().Step(/*willing=*/true);
      case Operation::kSleep: {
        scheduler().Step(/*willing=*/false);
        const bool sleeps = variable.PeekIs(operation.value);
        scheduler().Saw(sleeps ? 1 : 0);
        return Saw(sleeps && scheduler().Sleep(&variable, operation.value + 1) ? 1 : 0);
      }
      case Operation::kWake:
        scheduler().Step(/*willing=*/false);
        return scheduler().Wake(&variable, 1);
      case Operation::kNow:
        return Saw(static_cast<int>(scheduler().now() % 1'000));
      case Operation::kNote:
        shared_.note = operation.value;
        return;
      case Operation::kPeek:
        return Saw(variable.Peek() + 10 * shared_.note);
      case Operation::kAwait:
        // Not for ever: only one thread does it.
        if (scheduler().thread() == 0) {
          scheduler().Await([&] {
            return variable.Peek() == operation.value || shared_.note == operation.value ||
                   shared_.finished == threads_ - 1;
          });
        }
        return;
      case Operation::kForget:
      case Operation::kKinds:
        return;
    }
  }

  Shared& shared_;
  const int threads_;
  int last_ = 0;
  uint64_t digest_ = 0;
};

Code RandomCode(std::mt19937& random, size_t length) {
  const auto below = [&random](int limit) { return static_cast<int>(random() % limit); };
  Code code(length);
  for (Operation& operation : code) {
    operation = {.kind = static_cast<Operation::Kind>(below(Operation::kKinds)),
                 .variable = below(kVariables),
                 .value = below(3),
                 .only_if_odd = below(4) == 0};
  }
  return code;
}

MakeProgram RandomProgram(uint32_t seed) {
  std::mt19937 random(seed);
  const int threads = 2 + static_cast<int>(random() % 2);
  std::vector<Code> code;
  for (int i = 0; i < threads; ++i) code.push_back(RandomCode(random, threads == 2 ? 5 : 3));
  const Code handler = random() % 3 == 0 ? RandomCode(random, 2) : Code();
  return [=](Ends& ends) {
    static SimStorage<Shared> storage;
    Shared& shared = storage.Renew();
    SimProgram program;
    for (int i = 0; i < threads; ++i) {
      program.threads.push_back([&shared, &code, threads, i] {
        shared.saw[i] = Interpreter(shared, threads).Run(code[static_cast<size_t>(i)]);
        shared.finished += 1;
      });
    }
    if (!handler.empty()) {
      program.handlers.push_back([&shared, &handler, threads] {
        shared.saw[3] = Interpreter(shared, threads).Run(handler);
      });
    }
    program.at_end = [&shared, &ends] {
      std::string end;
      for (const auto& variable : shared.variables) end += std::to_string(variable.Peek()) + " ";
      end += std::to_string(shared.note) + " ";
      for (const uint64_t saw : shared.saw) end += std::to_string(saw) + " ";
      end += std::to_string(ControlledScheduler::Current().now());
      ends.insert(end);
      return std::string();
    };
    return program;
  };
}

TEST(ControlledScheduler, LeavesOutNoEndOfRandomPrograms) {
  constexpr uint32_t kPrograms = 400;
  int compared = 0;
  int too_large = 0;
  for (uint32_t seed = 0; seed < kPrograms && !testing::Test::HasFailure(); ++seed) {
    const MakeProgram make = RandomProgram(seed);
    for (const int preemptions : {0, 1, 2, 3, -1}) {
      for (const int early_wakeups : {0, 1}) {
        SCOPED_TRACE(seed);
        const bool is_compared =
            CompareAll(make, {.preemptions = preemptions, .early_wakeups = early_wakeups});
        ++(is_compared ? compared : too_large);
      }
    }
  }
  std::printf("%d compared, %d too large\n", compared, too_large);
  EXPECT_GT(compared, 9 * too_large);
}

// --- A real lock
// ----------------------------------------------------------------------------------

TEST(ControlledScheduler, LeavesOutNoEndOfALock) {
  struct W : World<2, 1> {
    SimNote<int> order;  // who got it, or did not, when: a digit each
  };
  static SimStorage<W> storage;
  const MakeProgram make = [&](Ends& ends) {
    const auto body = [&](W& w) {
      const bool got_it = w.Acquire(0, kMillisecond) == LockResult::kOk;
      w.order = 10 * w.order + 2 * w.scheduler().thread() + (got_it ? 1 : 2);
      if (got_it) {
        w.Inside(0);
        w.Release(0);
      }
    };
    return Program<W>(storage.Renew(), {body, body}, [&](W& w) {
      ends.insert(std::to_string(w.order));
      return w.Leftovers();
    });
  };
  for (const int preemptions : {0, 1}) {
    EXPECT_TRUE(CompareAll(make, {.preemptions = preemptions, .early_wakeups = 1}));
  }
}

}  // namespace
}  // namespace rqlockdep
