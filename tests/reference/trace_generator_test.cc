#include "tests/reference/trace_generator.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_model.h"
#include "tests/reference/trace_equality.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

constexpr uint64_t kTraceCount = 4000;  // rare findings come alone once in a thousand

TEST(TraceGeneratorTest, TracesAreWellFormed) {
  for (uint64_t seed = 0; seed < kTraceCount / 4; ++seed) {
    const Trace trace = GenerateTrace(seed);
    const std::string text = WriteTrace(trace);
    const TraceReadResult read = ReadTrace(text);
    ASSERT_FALSE(read.error) << read.error->message << "\n" << text;
    ASSERT_TRUE(EqualButForPositions(trace, read.trace)) << text;
    const ReferenceResult result = RunReference(trace, {.judge_cycles = false});
    ASSERT_FALSE(result.error) << result.error->message << "\n" << text;
  }
}

TEST(TraceGeneratorTest, SameSeedSameTrace) {
  EXPECT_EQ(WriteTrace(GenerateTrace(7)), WriteTrace(GenerateTrace(7)));
  EXPECT_NE(WriteTrace(GenerateTrace(7)), WriteTrace(GenerateTrace(8)));
}

TEST(TraceGeneratorTest, ObeysItsOptions) {
  TraceGeneratorOptions options;
  options.threads = 2;
  options.locks = 3;
  options.events = 20;
  options.kinds = {LockKind::kMutex, LockKind::kRqspinlock};
  options.contexts = false;
  options.exit = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Trace trace = GenerateTrace(seed, options);
    EXPECT_LE(trace.threads.size(), 2u);
    EXPECT_LE(trace.locks.size(), 3u);
    EXPECT_LE(trace.events.size(), 20u);
    for (const TraceLock& lock : trace.locks) {
      EXPECT_TRUE(lock.kind == LockKind::kMutex || lock.kind == LockKind::kRqspinlock);
    }
    for (const TraceEvent& event : trace.events) {
      EXPECT_NE(event.op, TraceOp::kEnter);
      EXPECT_NE(event.op, TraceOp::kMask);
      EXPECT_NE(event.op, TraceOp::kExit);
    }
  }
}

// Every word of the format, and every finding often enough to be compared, alone and with others.
TEST(TraceGeneratorTest, CoversTheFormatAndTheFindings) {
  std::set<LockKind> kinds;
  std::set<TraceOp> ops;
  std::set<TraceOutcome> outcomes;
  std::map<TraceOp, std::set<ContextKind>> contexts;
  std::set<int> subclasses;
  int reads = 0, tries = 0, timed = 0, nests = 0, class_of_several = 0, no_finding = 0;
  std::map<std::string, int> traces_with;
  std::map<std::string, int> traces_with_nothing_else;

  for (uint64_t seed = 0; seed < kTraceCount; ++seed) {
    const Trace trace = GenerateTrace(seed);
    std::map<std::string, int> members;
    for (const TraceLock& lock : trace.locks) {
      kinds.insert(lock.kind);
      if (++members[lock.class_name] == 2) ++class_of_several;
    }
    for (const TraceEvent& event : trace.events) {
      ops.insert(event.op);
      reads += event.read;
      tries += event.try_only;
      timed += event.timed;
      nests += event.nest >= 0;
      if (event.outcome) outcomes.insert(*event.outcome);
      subclasses.insert(event.subclass);
      contexts[event.op].insert(event.context);
    }
    const std::set<std::string> ids = RunReference(trace).Ids();
    if (ids.empty()) ++no_finding;
    for (const std::string& id : ids) {
      ++traces_with[id];
      if (ids.size() == 1) ++traces_with_nothing_else[id];
    }
  }

  EXPECT_EQ(kinds.size(), static_cast<size_t>(kLockKindCount));
  EXPECT_EQ(ops.size(), 12u);
  EXPECT_EQ(outcomes.size(), 4u);
  EXPECT_EQ(subclasses.size(), 8u);
  EXPECT_EQ(contexts[TraceOp::kEnter].size(), 3u);
  EXPECT_EQ(contexts[TraceOp::kLeave].size(), 3u);
  EXPECT_EQ(contexts[TraceOp::kMask].size(), 2u);
  EXPECT_EQ(contexts[TraceOp::kUnmask].size(), 2u);
  for (int count : {reads, tries, timed, nests, class_of_several, no_finding}) {
    EXPECT_GE(count, static_cast<int>(kTraceCount) / 20);
  }
  for (const char* id :
       {"circular-dependency", "resilient-cycle", "recursive-locking", "nest-lock-not-held",
        "inconsistent-context", "context-inversion", "invalid-wait-context", "unbalanced-release",
        "held-lock-destroyed", "held-at-exit", "not-unwound", "deadlock", "resilient-deadlock"}) {
    EXPECT_GE(traces_with[id], static_cast<int>(kTraceCount) / 50) << id;
    EXPECT_GE(traces_with_nothing_else[id], 1) << id;
  }
}

bool MayBeShared(LockKind kind) {
  switch (kind) {
    case LockKind::kRwlock:
    case LockKind::kFairRwlock:
    case LockKind::kRwsem:
    case LockKind::kMap:
    case LockKind::kSection:
    case LockKind::kSectionNopreempt:
    case LockKind::kSectionSleepable:
      return true;
    default:
      return false;
  }
}

bool IsSection(LockKind kind) {
  return kind == LockKind::kSection || kind == LockKind::kSectionNopreempt ||
         kind == LockKind::kSectionSleepable;
}

// What the format allows to do with a lock, as words.
std::set<std::string> FormsOf(LockKind kind) {
  std::set<std::string> forms = {"release", "init", "destroy"};
  std::vector<std::string> strengths = {"", " try", " timed"};
  std::vector<std::string> modes = {""};
  if (MayBeShared(kind)) {
    modes.emplace_back(" read");
    forms.insert("downgrade");
  }
  if (IsSection(kind)) modes = {" read"};  // always
  for (const std::string& mode : modes) {
    for (const std::string& strength : strengths) forms.insert("acquire" + mode + strength);
    for (const char* word : {" subclass", " nest"}) forms.insert("acquire" + mode + word);
  }
  forms.insert({"acquire =ok", "acquire try =busy", "acquire timed =timeout"});
  return forms;
}

std::vector<std::string> FormsIn(const TraceEvent& event) {
  switch (event.op) {
    case TraceOp::kRelease:
      return {"release"};
    case TraceOp::kDowngrade:
      return {"downgrade"};
    case TraceOp::kInit:
      return {"init"};
    case TraceOp::kDestroy:
      return {"destroy"};
    case TraceOp::kAcquire:
      break;
    default:
      return {};
  }
  const std::string start = event.read ? "acquire read" : "acquire";
  const std::string strength = event.try_only ? " try" : event.timed ? " timed" : "";
  std::vector<std::string> forms = {start + strength};
  if (event.subclass != 0) forms.push_back(start + " subclass");
  if (event.nest >= 0) forms.push_back(start + " nest");
  if (event.outcome == TraceOutcome::kOk) forms.emplace_back("acquire =ok");
  if (event.outcome == TraceOutcome::kBusy) forms.emplace_back("acquire try =busy");
  if (event.outcome == TraceOutcome::kTimeout && event.timed) {
    forms.emplace_back("acquire timed =timeout");
  }
  return forms;
}

// Not only every kind and every event, but every event with every kind that may have it, within the
// seeds that the validator and the reference model are compared on (differential_test).
TEST(TraceGeneratorTest, CoversEveryEventWithEveryKind) {
  std::map<LockKind, std::set<std::string>> missing;
  for (int i = 0; i < kLockKindCount; ++i) {
    const auto kind = static_cast<LockKind>(i);
    missing[kind] = FormsOf(kind);
  }
  for (uint64_t seed = 1; seed <= 12000; ++seed) {
    const Trace trace = GenerateTrace(seed);
    for (const TraceEvent& event : trace.events) {
      if (event.lock < 0) continue;
      for (const std::string& form : FormsIn(event))
        missing[trace.locks[event.lock].kind].erase(form);
    }
  }
  for (const auto& [kind, forms] : missing) {
    for (const std::string& form : forms) {
      ADD_FAILURE() << "kind " << static_cast<int>(kind) << ": never " << form;
    }
  }
}

}  // namespace
}  // namespace rqlockdep
