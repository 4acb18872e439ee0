#include "validator/checks/cycle_check.h"

#include "validator/checks/cycle_evidence.h"

namespace rqlockdep {
namespace {

Severity SeverityOf(FindingId id) {
  return id == FindingId::kResilientCycle ? Severity::kWarning : Severity::kError;
}

// As in Edge::strengths.
constexpr unsigned BitOf(Strength strength) { return 1U << static_cast<int>(strength); }
constexpr uint8_t kAllStrengths = UINT8_MAX;

uint64_t SaltOf(FindingId id) { return 1 + static_cast<uint64_t>(id); }

Dependency ImplicitInto(ClassId to, int k, bool recursive, Strength strength) {
  Dependency dependency;
  dependency.to = to;
  dependency.to_recursive = recursive;
  dependency.strength = strength;
  dependency.implicit = true;
  dependency.context = static_cast<uint8_t>(k);
  return dependency;
}

}  // namespace

void CycleCheck::Note(const New& news) {
  if (!news_.EnsureSize(news_count_ + 1)) return;
  news_[news_count_++] = news;
}

void CycleCheck::JudgeNews(CheckInput& input) {
  for (uint32_t i = 0; i < news_count_; ++i) {
    const New news = news_[i];
    switch (news.what) {
      case New::kObservation:
        if (!input.graph().GetObservation(news.id).dropped()) JudgeObservation(input, news.id);
        break;
      case New::kSingletonLost:
        JudgeSingletonLost(input, news.id);
        break;
      case New::kUsedIn:
        JudgeUsedIn(input, news.id, news.k, news.flag, news.strength);
        break;
      case New::kEnabled:
        JudgeEnabled(input, news.id, news.k, news.flag);
        break;
    }
  }
  news_count_ = 0;
}

void CycleCheck::JudgeObservation(CheckInput& input, ObservationId id) {
  const DependencyGraph& graph = input.graph();
  const Dependency first = MakeDependency(graph, id);
  if (graph.components().SameComponent(first.from, first.to)) {
    SearchBoth(input, {&first, 1}, /*closed_path=*/false);
  }
  for (int k = 0; k < kContextCount; ++k) {
    if (!graph.context_reach().AfterUsedIn(first.from, k)) continue;
    if (!graph.context_reach().BeforeEnabled(first.to, k)) continue;
    SearchBoth(input, {&first, 1}, /*closed_path=*/true);
    break;
  }
}

void CycleCheck::JudgeSingletonLost(CheckInput& input, ClassId id) {
  ClassNode& node = input.graph().Class(id);
  // Nothing was ever dismissed because of this class, and no search ended before it had looked at
  // everything: then nothing changes.
  if (!node.gated_a_cycle && !search_.ended_early()) return;
  node.gated_a_cycle = false;
  size_t count = 0;
  input.graph().ForEachGuardedBy(id, [&](ObservationId) { ++count; });
  // The searches add no observations, but the list is copied all the same: they use scratch space
  // that must not depend on that.
  const std::span<ObservationId> affected = affected_.Get(count);
  size_t i = 0;
  input.graph().ForEachGuardedBy(id, [&](ObservationId observation) {
    if (i < affected.size()) affected[i++] = observation;
  });
  for (const ObservationId observation : affected) JudgeObservation(input, observation);
}

void CycleCheck::JudgeUsedIn(CheckInput& input, ClassId id, int k, bool recursive,
                             Strength strength) {
  CheckSameClass(input, id, k);
  if (input.graph().Class(id).info.kind == LockKind::kLocalLock) return;
  if (!input.graph().context_reach().BeforeEnabled(id, k)) return;
  const Dependency first = ImplicitInto(id, k, recursive, strength);
  SearchBoth(input, {&first, 1}, /*closed_path=*/true);
}

void CycleCheck::JudgeEnabled(CheckInput& input, ClassId id, int k, bool shared) {
  CheckSameClass(input, id, k);
  DependencyGraph& graph = input.graph();
  if (graph.Class(id).info.kind == LockKind::kLocalLock) return;
  if (!graph.context_reach().AfterUsedIn(id, k)) return;
  size_t classes = 0;
  for (ClassId a = graph.first_used_in(k); a != kNoClass; a = graph.Class(a).next_used_in[k]) {
    ++classes;
  }
  if (classes == 0) return;
  const std::span<Dependency> firsts = firsts_.Get(classes * ContextUse::kKinds);
  size_t count = 0;
  for (ClassId a = graph.first_used_in(k); a != kNoClass; a = graph.Class(a).next_used_in[k]) {
    const ClassNode& node = graph.Class(a);
    if (a == id || node.info.kind == LockKind::kLocalLock) continue;
    for (const ContextUse::Kind& use : graph.UseIn(a, k).used_in) {
      if (!use.seen || count == firsts.size()) continue;
      Dependency first = ImplicitInto(a, k, use.recursive, use.strength);
      first.from = id;
      first.from_shared = shared;
      firsts[count++] = first;
    }
  }
  SearchBoth(input, firsts.first(count), /*closed_path=*/true);
}

void CycleCheck::SearchBoth(CheckInput& input, std::span<const Dependency> firsts,
                            bool closed_path) {
  CycleSearch::Query query;
  query.firsts = firsts;
  query.closed_path = closed_path;
  query.known = &input.findings().signatures();
  query.max_steps = max_steps_;
  // What a cycle of edges can be made of. Of a path with an implicit edge that is not known.
  const uint8_t strengths =
      closed_path ? kAllStrengths : input.graph().components().StrengthsWithin(firsts.front().from);
  query.aim = CycleSearch::Aim::kBlocking;
  const bool blocking =
      (strengths & BitOf(Strength::kBlocking)) != 0 &&
      SearchOne(input, query,
                closed_path ? FindingId::kContextInversion : FindingId::kCircularDependency);
  // The best choice is mixed only if something is bounded, and something not resilient.
  query.aim = CycleSearch::Aim::kMixed;
  const bool mixed = (strengths & ~BitOf(Strength::kBlocking)) != 0 &&
                     (strengths & ~BitOf(Strength::kResilient)) != 0 &&
                     SearchOne(input, query, FindingId::kResilientCycle);
  if (!blocking && !mixed) Count(input, query);
}

bool CycleCheck::SearchOne(CheckInput& input, CycleSearch::Query query, FindingId id) {
  query.known_salt = SaltOf(id);
  const CycleSearch::Result result = search_.Find(query);
  if (result.out_of_steps) NoteOutOfSteps(input);
  if (result.cycle.empty()) return false;
  input.findings().IsNew(result.signature);
  Report(input, id, result.cycle);
  return true;
}

void CycleCheck::Count(CheckInput& input, CycleSearch::Query query) {
  // A little effort only: these numbers are statistics.
  constexpr size_t kCountSteps = 1000;
  if (count_effort_ > kCountEffort) return;
  query.aim = CycleSearch::Aim::kAny;
  query.known = &counted_;
  query.known_salt = 0;
  query.max_steps = kCountSteps;
  const uint64_t before = search_.effort();
  const CycleSearch::Result result = search_.Find(query);
  const BestChoice best =
      result.cycle.empty() ? BestChoice::kBlockingOnly : search_.Judge(result.cycle);
  count_effort_ += search_.effort() - before;
  if (result.cycle.empty()) return;
  if (best == BestChoice::kResilientOnly) ++statistics_.intended;
  if (best == BestChoice::kNone) ++statistics_.gated;
  counted_.Set(result.signature, 1);
  (void)input;
}

// A = B: the context takes a lock of the class whose holder it interrupted.
void CycleCheck::CheckSameClass(CheckInput& input, ClassId id, int k) {
  const ClassNode& node = input.graph().Class(id);
  if (node.used_in_bits[k] == 0 || !node.IsEnabled(k)) return;
  Dependency best;
  for (const ContextUse::Kind& use : input.graph().UseIn(id, k).used_in) {
    for (const bool shared : {false, true}) {
      if (!use.seen || !node.IsEnabled(k, shared)) continue;
      if (use.recursive && shared) continue;
      if (use.strength == Strength::kResilient) continue;
      if (best.implicit && best.strength <= use.strength) continue;
      best = ImplicitInto(id, k, use.recursive, use.strength);
      best.from = id;
      best.from_shared = shared;
    }
  }
  if (!best.implicit) return;
  const FindingId finding = best.strength == Strength::kBlocking ? FindingId::kInconsistentContext
                                                                 : FindingId::kResilientCycle;
  const uint64_t signature = CycleSearch::Signature({&best, 1}, SaltOf(finding));
  if (input.findings().IsNew(signature)) Report(input, finding, {&best, 1});
}

FindingEdge CycleCheck::Describe(CheckInput& input, const Dependency& step) {
  DependencyGraph& graph = input.graph();
  FindingEdge edge;
  edge.held.lock_class = &graph.Class(step.from).info;
  edge.asked.lock_class = &graph.Class(step.to).info;
  edge.asked.strength = step.strength;
  edge.implicit = step.implicit;
  const auto fill_held = [&](const Witness& witness) {
    edge.held.instance = witness.held_instance;
    edge.held.mode = witness.held_mode;
    edge.held.strength = witness.held_strength;
    edge.held.stack = witness.held_stack;
    edge.held.stack_is_exact = witness.held_stack_is_exact;
    const std::span<const uintptr_t> site = input.tables().stacks.Frames(witness.held_site);
    for (size_t i = 0; i < site.size() && i < kCallSiteDepth; ++i) {
      edge.held.site.frames[i] = site[i];
    }
    edge.thread = witness.thread;
  };
  const auto fill_asked = [&](const Witness& witness) {
    edge.asked.instance = witness.asked_instance;
    edge.asked.mode = witness.asked_mode;
    edge.asked.stack = witness.asked_stack;
  };
  if (step.implicit) {
    edge.context = step.context == kHardIndex ? ContextKind::kHard : ContextKind::kSoft;
    fill_asked(graph.UseIn(step.to, step.context)
                   .used_in[UseIndex(step.to_recursive, step.strength)]
                   .witness);
    fill_held(graph.WitnessOfEnabled(step.from, step.context, step.from_shared));
  } else {
    const Witness witness = graph.GetObservation(step.observation).witness();
    fill_held(witness);
    fill_asked(witness);
  }
  return edge;
}

void CycleCheck::Report(CheckInput& input, FindingId id, std::span<const Dependency> cycle) {
  Finding finding = input.NewFinding(id, SeverityOf(id));
  finding.confidence = JudgeConfidence(input.graph(), cycle, input.findings().arena());
  finding.linked = InstancesCloseCycle(input.graph(), cycle);
  const std::span<FindingEdge> edges = input.findings().arena().NewArray<FindingEdge>(cycle.size());
  for (size_t i = 0; i < edges.size(); ++i) edges[i] = Describe(input, cycle[i]);
  finding.edges = edges;
  input.findings().Add(input.thread(), finding);
}

void CycleCheck::NoteOutOfSteps(CheckInput& input) {
  if (warned_) return;
  warned_ = true;
  input.tables().environment.Warn(
      "a search for cycles was cut short at max_steps; cycles may go unreported");
}

}  // namespace rqlockdep
