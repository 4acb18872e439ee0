// What a thread has been judged for may be taken for known, and nothing else: a validator that uses
// its threads' chain caches finds, event for event, what one finds whose threads forget before each
// event everything that was judged.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/live_waits_fixture.h"
#include "tests/unit/lock_event_generator.h"
#include "tests/unit/lock_event_model.h"
#include "tests/unit/lock_events.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

struct RankedLock : hooks::LockMap {
  RankedLock(LockKind kind, const LockClass& lock_class, int lock_rank)
      : LockMap(kind, lock_class), rank(lock_rank) {}
  const int rank;
};

int RankOf(const void* lock) {
  return static_cast<const RankedLock*>(static_cast<const hooks::LockMap*>(lock))->rank;
}
bool ByRank(const void* held, const void* asked) { return RankOf(held) < RankOf(asked); }

class WarningEnvironment : public RestingEnvironment {
 public:
  void Warn(const char* message) override { warnings_ += std::string(message) + "\n"; }
  std::string TakeWarnings() { return std::exchange(warnings_, {}); }

 private:
  std::string warnings_;
};

void WriteLock(const FindingLock& lock, std::ostream& out) {
  if (lock.lock_class == nullptr) return;
  out << " " << lock.lock_class->key.name << "/" << int{lock.lock_class->subclass};
}

// What must not depend on what is taken for known. Instances are not part of it: those of an edge
// are a sample.
std::string Describe(const Finding& finding) {
  std::ostringstream out;
  out << ToString(finding.severity) << " " << ToString(finding.id) << " detail "
      << static_cast<int>(finding.detail);
  WriteLock(finding.lock, out);
  out << " other";
  WriteLock(finding.other, out);
  out << " held";
  for (const FindingLock& held : finding.held) {
    WriteLock(held, out);
    out << (held.waiting ? " waiting" : "") << (held.this_context ? "" : " interrupted");
  }
  out << " edges";
  for (const FindingEdge& edge : finding.edges) {
    out << (edge.implicit ? " ~>" : " ->");
    WriteLock(edge.held, out);
  }
  out << "\n";
  return out.str();
}

class DescribingSink : public FindingSink {
 public:
  void OnFinding(const Finding& finding) override {
    text_ += Describe(finding);
    ids_.insert(finding.id);
  }
  std::string Take() { return std::exchange(text_, {}); }
  const std::set<FindingId>& ids() const { return ids_; }

 private:
  std::string text_;
  std::set<FindingId> ids_;
};

enum class Memory : uint8_t { kKnowsChains, kForgets };

// A validator with its own threads and locks.
class World {
 public:
  World(const EventSequence& sequence, Memory memory)
      : memory_(memory), validator_(environment_, sink_, OptionsFor(memory)) {
    for (int i = 0; i < EventSequence::kMostClasses; ++i) {
      plain_classes_.emplace_back(ClassName(i));
      ordered_classes_.emplace_back(ClassName(i), &ByRank);
    }
    for (const LockDescription& lock : sequence.locks) AddLock(sequence, lock);
    for (int i = 0; i < sequence.threads; ++i) threads_.push_back(validator_.NewThread());
  }

  // Returns warnings (that a search was cut short, say) and findings, a line each.
  std::string Apply(const Event& event, uintptr_t place) {
    ThreadState& thread = *threads_[event.thread];
    if (memory_ == Memory::kForgets) thread.chains.Clear();
    const size_t known = thread.chains.size();
    Tell(thread, event, CallSite{{place}});
    if (event.type == Event::Type::kAcquire && thread.chains.size() == known) ++known_acquisitions_;
    return environment_.TakeWarnings() + sink_.Take();
  }

  int known_acquisitions() const { return known_acquisitions_; }
  const std::set<FindingId>& ids() const { return sink_.ids(); }

 private:
  // Who takes a stack at each acquisition goes the general path, which finds no record made.
  static Validator::Options OptionsFor(Memory memory) {
    return {.full_stacks = memory == Memory::kForgets};
  }

  void AddLock(const EventSequence& sequence, const LockDescription& lock) {
    const ClassDescription& description = sequence.classes[lock.lock_class];
    const auto& classes = description.ordered ? ordered_classes_ : plain_classes_;
    locks_.emplace_back(description.kind, classes[lock.lock_class], lock.rank);
  }

  hooks::AcquireArguments ArgumentsOf(const Event& event) {
    return {.mode = event.mode,
            .strength = event.strength,
            .subclass = event.subclass,
            .kind = locks_[event.lock].kind(),
            .nest = event.nest == Event::kNone ? nullptr : &locks_[event.nest]};
  }

  void Tell(ThreadState& thread, const Event& event, const CallSite& site) {
    using Type = Event::Type;
    switch (event.type) {
      case Type::kAcquire:
        return validator_.Acquire(thread, locks_[event.lock], ArgumentsOf(event), site);
      case Type::kTry:
        return validator_.TryAcquire(thread, locks_[event.lock], ArgumentsOf(event), event.got_it,
                                     site);
      case Type::kWait:
        validator_.Waiting(thread, locks_[event.lock], nullptr, nullptr, site);
        return;
      case Type::kAcquired:
        return validator_.Acquired(thread, locks_[event.lock]);
      case Type::kFail:
        return validator_.Failed(thread, locks_[event.lock], event.reason);
      case Type::kRelease:
        return validator_.Release(thread, locks_[event.lock], site);
      case Type::kDowngrade:
        return validator_.Downgrade(thread, locks_[event.lock], site);
      case Type::kEnter:
        return validator_.EnterContext(thread, event.context);
      case Type::kLeave:
        return validator_.LeaveContext(thread, site);
      case Type::kMask:
        return validator_.MaskContext(thread, event.context);
      case Type::kUnmask:
        return validator_.UnmaskContext(thread, event.context);
    }
  }

  const Memory memory_;
  WarningEnvironment environment_;
  DescribingSink sink_;
  std::deque<LockClass> plain_classes_;
  std::deque<LockClass> ordered_classes_;
  std::deque<RankedLock> locks_;
  Validator validator_;
  std::vector<ThreadState*> threads_;
  int known_acquisitions_ = 0;
};

// What all sequences together have come to: whether there was anything to compare.
struct Coverage {
  int acquisitions = 0;
  int known_acquisitions = 0;
  std::set<FindingId> ids;

  void Add(const EventSequence& sequence, const World& world) {
    acquisitions += static_cast<int>(
        std::count_if(sequence.events.begin(), sequence.events.end(),
                      [](const Event& event) { return event.type == Event::Type::kAcquire; }));
    known_acquisitions += world.known_acquisitions();
    ids.insert(world.ids().begin(), world.ids().end());
  }
};

// Where the two validators first disagree, and what each found there.
struct Difference {
  size_t event = 0;
  std::string knowing;
  std::string forgetful;
};

// Nothing if they agree, or if the events cannot happen.
std::optional<Difference> FindDifference(const EventSequence& sequence,
                                         Coverage* coverage = nullptr) {
  World knowing(sequence, Memory::kKnowsChains);
  World forgetful(sequence, Memory::kForgets);
  LockEventModel model(sequence);
  for (size_t i = 0; i < sequence.events.size(); ++i) {
    const Event& event = sequence.events[i];
    if (!model.Allows(event)) return std::nullopt;
    const uintptr_t place = model.PlaceOf(event.thread);
    Difference difference{i, knowing.Apply(event, place), forgetful.Apply(event, place)};
    if (difference.knowing != difference.forgetful) return difference;
    model.Step(event);
  }
  if (coverage != nullptr) coverage->Add(sequence, knowing);
  return std::nullopt;
}

// Drops events from a sequence while the validators still disagree.
class Shrinker {
 public:
  explicit Shrinker(EventSequence sequence) : sequence_(std::move(sequence)) {}

  EventSequence Shrink() {
    while (DropRuns() || DropPairs()) {
    }
    return sequence_;
  }

 private:
  using Events = std::vector<Event>;

  bool Try(Events events) {
    EventSequence candidate = sequence_;
    candidate.events = std::move(events);
    const std::optional<Difference> difference = FindDifference(candidate);
    if (!difference) return false;
    candidate.events.resize(difference->event + 1);
    sequence_ = std::move(candidate);
    return true;
  }

  static Events Without(Events events, size_t first, size_t count) {
    const auto begin = events.begin() + static_cast<ptrdiff_t>(first);
    events.erase(begin, begin + static_cast<ptrdiff_t>(count));
    return events;
  }

  // Long ones first.
  bool DropRuns() {
    bool progress = false;
    for (size_t length = sequence_.events.size() / 2 + 1; length > 0; length /= 2) {
      for (size_t first = 0; first + length <= sequence_.events.size();) {
        const bool dropped = Try(Without(sequence_.events, first, length));
        progress |= dropped;
        if (!dropped) ++first;
      }
    }
    return progress;
  }

  // An acquisition and its release, and others that go only together.
  bool DropPairs() {
    for (size_t first = 0; first < sequence_.events.size(); ++first) {
      for (size_t second = first + 1; second < sequence_.events.size(); ++second) {
        if (Try(Without(Without(sequence_.events, second, 1), first, 1))) return true;
      }
    }
    return false;
  }

  EventSequence sequence_;
};

std::string ReportOf(const EventSequence& sequence, uint64_t seed) {
  const EventSequence small = Shrinker(sequence).Shrink();
  const Difference difference = *FindDifference(small);
  return "seed " + std::to_string(seed) + "\n" + ToString(small) +
         "The last event's findings if chains are known:\n" + difference.knowing +
         "The same if they are forgotten:\n" + difference.forgetful;
}

// RQLOCKDEP_TEST_SEED moves the start, to look further, and RQLOCKDEP_TEST_FACTOR multiplies the
// count.
TEST(KnownChainsPropertyTest, WhatIsTakenForKnownHidesNoFinding) {
  const char* seed_text = std::getenv("RQLOCKDEP_TEST_SEED");
  const char* factor_text = std::getenv("RQLOCKDEP_TEST_FACTOR");
  const uint64_t first_seed = seed_text == nullptr ? 1 : std::strtoull(seed_text, nullptr, 10);
  const int count = 4'000 * (factor_text == nullptr ? 1 : std::atoi(factor_text));
  Coverage coverage;
  for (int i = 0; i < count; ++i) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(i);
    const EventSequence sequence = GenerateLockEvents(seed);
    if (FindDifference(sequence, &coverage)) FAIL() << ReportOf(sequence, seed);
  }
  std::printf("%d sequences, %d acquisitions, of which %d were of known chains\n", count,
              coverage.acquisitions, coverage.known_acquisitions);
  EXPECT_GT(coverage.known_acquisitions, coverage.acquisitions / 8);
  using enum FindingId;
  for (const FindingId id :
       {kCircularDependency, kResilientCycle, kRecursiveLocking, kNestLockNotHeld,
        kInconsistentContext, kContextInversion, kInvalidWaitContext, kHeldAtExit, kNotUnwound,
        kDeadlock, kResilientDeadlock}) {
    EXPECT_TRUE(coverage.ids.contains(id)) << ToString(id);
  }
}

}  // namespace
}  // namespace rqlockdep
