#include "validator/report/cycle_advice.h"

#include <algorithm>

#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

bool IsBoundedStep(const FindingEdge& edge) { return IsBounded(edge.asked.strength); }

// "T2's res_spin_lock(table) at a.cc:12".
Label Possessive(const Label& thread) { return Label(thread.view()) << "'s"; }

// How a bounded acquisition on the ring ends.
void WriteFailure(const FindingEdge& edge, const Label& thread, Page& page) {
  Prose text = page.Item();
  text << "- " << Possessive(thread) << " " << page.Call(edge.asked) << page.Place(edge.asked);
  if (edge.asked.strength == Strength::kResilient) {
    text << " fails: with " << FailureName(FailReason::kDeadlock)
         << " as soon as the ring is noticed, at worst with " << FailureName(FailReason::kTimedOut)
         << " after " << LimitName(edge.asked.strength) << ".";
  } else {
    text << " fails: with " << FailureName(FailReason::kTimedOut) << " after "
         << LimitName(edge.asked.strength) << ". Nothing can end it earlier.";
  }
}

// What the failing side has to do so that the others go on.
void WriteGiveBack(const FindingEdge& edge, const Label& thread, Page& page) {
  Prose text = page.Item();
  text << "- When " << page.Call(edge.asked) << " fails, ";
  if (edge.implicit) {
    text << "the handler must return without it: only then can the code that it interrupted give "
         << "back " << page.Class(edge.held) << ".";
  } else {
    text << thread << " must give back " << page.Class(edge.held) << " before it asks for "
         << page.Class(edge.asked) << " again. Until it does, the others go on waiting.";
  }
}

void WriteResilientConsequences(const Finding& finding, const CycleThreads& threads, Page& page) {
  const std::span<const FindingEdge> edges = finding.edges;
  const auto bounded = std::ranges::count_if(edges, IsBoundedStep);
  page.Paragraph() << (bounded == 1 ? "This acquisition fails:"
                                    : "The first of these acquisitions to give up fails and ends "
                                      "the ring:");
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!IsBoundedStep(edges[i])) continue;
    WriteFailure(edges[i], threads.Name(i), page);
  }
  {
    Prose text = page.Paragraph();
    text << "Until then these stall, at worst for "
         << (bounded == 1 ? "that whole limit" : "the shortest of these limits");
    text << ", and on until the failing side gives back what it holds:";
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    // The only acquisition that fails is not one that waits for the failure.
    if (bounded == 1 && IsBoundedStep(edges[i])) continue;
    page.Item() << "- " << threads.Name(i) << " in " << page.Call(edges[i].asked)
                << page.Place(edges[i].asked);
  }
  if (edges.size() == 1) page.Item() << "- the code that the handler interrupted";
  page.Paragraph() << "What the failing side must give back:";
  for (size_t i = 0; i < edges.size(); ++i) {
    if (IsBoundedStep(edges[i])) WriteGiveBack(edges[i], threads.Name(i), page);
  }
}

const FindingEdge* ImplicitStep(const Finding& finding) {
  const auto found = std::ranges::find_if(finding.edges, &FindingEdge::implicit);
  return found == finding.edges.end() ? nullptr : &*found;
}

void WriteOrderAdvice(const Finding& finding, Page& page) {
  const std::span<const FindingEdge> edges = finding.edges;
  Prose text = page.Item();
  text << "- Take these locks in one order everywhere. ";
  if (edges.size() == 2 && !edges[0].implicit && !edges[1].implicit) {
    text << "Step 1 takes " << page.Class(edges[0].held) << " first, step 2 takes "
         << page.Class(edges[1].held)
         << " first: change one of them. It can ask for the other lock first, or give back what it "
            "holds before it asks.";
  } else {
    text << "One of the steps has to go: let it ask for the second lock first, or give back what "
            "it holds before it asks.";
  }
}

}  // namespace

void WriteConsequences(const Finding& finding, const CycleThreads& threads, Page& page) {
  page.Heading("What happens then");
  if (finding.id == FindingId::kResilientCycle) {
    WriteResilientConsequences(finding, threads, page);
    return;
  }
  if (finding.edges.size() == 1) {
    page.Paragraph() << "The handler waits for " << page.Class(finding.edges[0].asked)
                     << ", which only the code that it has interrupted can give back. That code "
                        "goes on when the handler returns. So the thread hangs for ever.";
    return;
  }
  Prose text = page.Paragraph();
  text << "Each thread holds what another one waits for";
  if (ImplicitStep(finding) != nullptr) {
    text << ", and the interrupted code cannot go on before its handler returns";
  }
  text << ". None of these acquisitions has a time limit: they all hang for ever, and so does "
          "whoever asks for one of these locks later.";
}

void WriteCycleAdvice(const Finding& finding, const CycleThreads& threads, Page& page) {
  const std::span<const FindingEdge> edges = finding.edges;
  page.Heading("What to do");
  if (const FindingEdge* const step = ImplicitStep(finding)) {
    page.Item() << "- Keep the handler away while the lock is held: wherever "
                << page.Class(step->held) << " is taken outside a handler, block it first (the "
                << "signal mask for a signal handler; raw_spin_lock_irqsave() does both).";
    page.Item() << "- Or do not wait for " << page.Class(step->asked)
                << " in the handler: try_lock() it, or leave the work to a thread.";
  }
  if (edges.size() > 1) WriteOrderAdvice(finding, page);
  if (finding.id == FindingId::kResilientCycle) {
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!IsBoundedStep(edges[i]) || edges[i].implicit) continue;
      page.Item() << "- If the order must stay, " << threads.Name(i) << " has to be ready: check "
                  << "the result of " << page.Call(edges[i].asked) << page.Place(edges[i].asked)
                  << "; if it failed, give back " << page.Class(edges[i].held)
                  << " before anything else. The stall remains.";
    }
    if (!std::ranges::all_of(edges, IsBoundedStep)) {
      page.Item() << "- Or make every lock of the ring resilient (ResilientSpinlock): then no "
                     "thread waits without a limit, and one of them is told at once.";
    }
  } else if (edges.size() > 1) {
    page.Item() << "- Or put both orders under one outer lock that every such path takes first.";
  }
}

}  // namespace rqlockdep::report
