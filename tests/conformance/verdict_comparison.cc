#include "tests/conformance/verdict_comparison.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/reference/reference_model.h"
#include "validator/core/finding.h"
#include "validator/trace/replay.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

// One finding of either side, without what they are free to say differently.
struct Verdict {
  std::string id;
  int line = 0;                      // of the event
  std::vector<std::string> classes;  // of cycles and closed paths, from the smallest name on
  bool self_deadlock = false;        // recursive-locking of the very same lock
  std::string asked_class = {};      // if it is judged once a chain
};

bool IsJudgedOnceAChain(const Verdict& verdict) {
  return (verdict.id == "recursive-locking" && !verdict.self_deadlock) ||
         verdict.id == "invalid-wait-context";
}

struct Verdicts {
  bool malformed = false;
  std::vector<Verdict> all;
};

// How often each id comes at each line.
using Counts = std::map<std::pair<int, std::string>, int>;

std::vector<std::string> FromTheSmallest(std::vector<std::string> classes) {
  std::rotate(classes.begin(), std::min_element(classes.begin(), classes.end()), classes.end());
  return classes;
}

std::string NameOf(const ClassInfo& info) {
  std::string name = info.key.name;
  if (info.subclass != 0) name += "/" + std::to_string(info.subclass);
  return name;
}

Verdicts RealVerdicts(const Trace& trace) {
  Replay replay(trace, "random.trace");
  Verdicts verdicts;
  verdicts.malformed = replay.Run().has_value();
  for (const Finding& finding : replay.findings()) {
    // The stack of what a finding is about is that of the event.
    const std::span<const uintptr_t> stack = replay.validator().stacks().Frames(finding.lock.stack);
    Verdict verdict{.id = ToString(finding.id),
                    .line = stack.empty() ? 0 : static_cast<int>(stack[0]),
                    .classes = {},
                    .self_deadlock = finding.detail == FindingDetail::kSelfDeadlock};
    if (IsJudgedOnceAChain(verdict)) verdict.asked_class = NameOf(*finding.lock.lock_class);
    for (const FindingEdge& edge : finding.edges) {
      verdict.classes.push_back(NameOf(*edge.held.lock_class));
    }
    verdict.classes = FromTheSmallest(std::move(verdict.classes));
    verdicts.all.push_back(std::move(verdict));
  }
  return verdicts;
}

Verdicts ModelVerdicts(const Trace& trace) {
  const ReferenceResult result = RunReference(trace);
  Verdicts verdicts;
  verdicts.malformed = result.error.has_value();
  for (const ReferenceFinding& finding : result.findings) {
    verdicts.all.push_back({.id = finding.id,
                            .line = trace.events[finding.event].position.line,
                            .classes = FromTheSmallest(finding.classes),
                            .self_deadlock = finding.self_deadlock,
                            .asked_class = finding.asked_class});
  }
  return verdicts;
}

std::string Describe(const Verdict& verdict) {
  std::string text = verdict.id + " at line " + std::to_string(verdict.line);
  for (const std::string& name : verdict.classes) text += " " + name;
  return text;
}

std::set<std::string> Ids(const Verdicts& verdicts) {
  std::set<std::string> ids;
  for (const Verdict& verdict : verdicts.all) ids.insert(verdict.id);
  return ids;
}

std::string CompareIds(const Verdicts& real, const Verdicts& model) {
  if (real.malformed != model.malformed) return "only one calls the trace malformed";
  if (Ids(real) == Ids(model)) return "";
  std::string text = "the validator says";
  for (const std::string& id : Ids(real)) text += " " + id;
  text += ", the model says";
  for (const std::string& id : Ids(model)) text += " " + id;
  return text;
}

Counts CountEachTime(const Verdicts& verdicts) {
  Counts counts;
  for (const Verdict& verdict : verdicts.all) {
    if (verdict.classes.empty() && !IsJudgedOnceAChain(verdict)) {
      ++counts[{verdict.line, verdict.id}];
    }
  }
  return counts;
}

std::string CompareCounts(const Counts& real, const Counts& model) {
  for (const bool swapped : {false, true}) {
    const Counts& one = swapped ? model : real;
    const Counts& other = swapped ? real : model;
    for (const auto& [where, count] : one) {
      const auto found = other.find(where);
      const int other_count = found == other.end() ? 0 : found->second;
      if (count == other_count) continue;
      return where.second + " at line " + std::to_string(where.first) + ": " +
             std::to_string(swapped ? other_count : count) + " of the validator, " +
             std::to_string(swapped ? count : other_count) + " of the model";
    }
  }
  return "";
}

// The model judges these at each acquisition, the validator at the first of each chain: what it
// says is of the model's, and the first of each asked class is there. (Not where the very lock is
// asked for again: that is the finding then, and chains tell such acquisitions from others, but not
// which of the locks held it was.)
std::string CompareOnceAChain(const Verdicts& real, const Verdicts& model) {
  std::set<std::pair<int, std::string>> possible;
  for (const Verdict& verdict : model.all) {
    if (IsJudgedOnceAChain(verdict)) possible.insert({verdict.line, verdict.id});
  }
  for (const Verdict& verdict : real.all) {
    if (IsJudgedOnceAChain(verdict) && !possible.contains({verdict.line, verdict.id})) {
      return Describe(verdict) + ": of the validator only";
    }
  }
  std::set<int> self_deadlocks;  // lines
  for (const Verdict& verdict : model.all) {
    if (verdict.self_deadlock) self_deadlocks.insert(verdict.line);
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const Verdict& verdict : model.all) {
    if (!IsJudgedOnceAChain(verdict) || self_deadlocks.contains(verdict.line)) continue;
    if (!seen.insert({verdict.id, verdict.asked_class}).second) continue;
    const bool said = std::any_of(real.all.begin(), real.all.end(), [&](const Verdict& other) {
      return other.id == verdict.id && other.line == verdict.line &&
             other.asked_class == verdict.asked_class;
    });
    if (!said) return Describe(verdict) + " for " + verdict.asked_class + ": of the model only";
  }
  return "";
}

std::string CompareCycles(const Verdicts& real, const Verdicts& model) {
  std::map<std::pair<std::string, std::vector<std::string>>, int> given;  // to the line
  for (const Verdict& verdict : model.all) {
    if (!verdict.classes.empty()) given.insert({{verdict.id, verdict.classes}, verdict.line});
  }
  std::set<std::pair<int, std::string>> reported;
  std::set<std::pair<std::string, std::vector<std::string>>> before;
  for (const Verdict& verdict : real.all) {
    if (verdict.classes.empty()) continue;
    const auto found = given.find({verdict.id, verdict.classes});
    if (found == given.end()) return Describe(verdict) + ": of the validator only";
    if (found->second > verdict.line) return Describe(verdict) + ": too early";
    if (!before.insert({verdict.id, verdict.classes}).second) return Describe(verdict) + ": again";
    reported.insert({verdict.line, verdict.id});
  }
  for (const Verdict& verdict : model.all) {
    if (verdict.classes.empty() || reported.contains({verdict.line, verdict.id})) continue;
    return Describe(verdict) + ": of the model only";
  }
  return "";
}

}  // namespace

std::string CompareVerdicts(const Trace& trace) {
  const Verdicts real = RealVerdicts(trace);
  const Verdicts model = ModelVerdicts(trace);
  for (std::string difference :
       {CompareIds(real, model), CompareCounts(CountEachTime(real), CountEachTime(model)),
        CompareOnceAChain(real, model), CompareCycles(real, model)}) {
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace rqlockdep
