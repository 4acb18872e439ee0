#include "validator/report/cycle_text.h"

#include <algorithm>
#include <string_view>

#include "validator/report/call_stack.h"
#include "validator/report/cycle_advice.h"
#include "validator/report/cycle_threads.h"
#include "validator/report/scenario.h"
#include "validator/report/sections.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

void WriteOpening(const Finding& finding, Page& page) {
  const FindingEdge& newest = finding.edges[0];
  const bool is_newest = !newest.implicit && finding.thread == newest.thread &&
                         finding.lock.lock_class == newest.asked.lock_class;
  Prose text = page.Paragraph();
  text << page.Thread(finding.thread);
  if (finding.lock.lock_class != nullptr) {
    text << " asks for " << page.Class(finding.lock) << page.Instance(finding.lock) << " ("
         << ModeName(finding.lock.mode) << ") with " << page.CallOnly(finding.lock)
         << page.Place(finding.lock);
  } else {
    text << " goes on";
  }
  if (!is_newest) {
    text << (finding.edges.size() == 1
                 ? ". With that, a handler can wait for the very code that it interrupts."
                 : ". With that, what was seen so far closes a ring.");
  } else if (finding.edges.size() == 1) {
    text << ".";
  } else if (finding.edges.size() == 2 && !finding.edges[1].implicit) {
    text << ", while it holds " << page.Class(newest.held)
         << ". The other order was seen too: " << page.Class(finding.edges[1].asked)
         << " was asked for while " << page.Class(finding.edges[1].held) << " was held.";
  } else {
    text << ", while it holds " << page.Class(newest.held) << ". Other code leads from "
         << page.Class(newest.asked) << " back to " << page.Class(newest.held) << ", step by step.";
  }
}

void WriteStep(size_t number, const FindingEdge& edge, Page& page) {
  const Label held = page.Class(edge.held);
  const Label asked = page.Class(edge.asked);
  page.out() << '\n';
  {
    Prose text(page.out(), 2, 4);
    (text << "Step ").Number(number) << ": " << held << " -> " << asked << ", ";
    if (edge.implicit) {
      text << "by interruption: " << page.Thread(edge.thread) << " held " << held << " where "
           << ContextName(edge.context) << " can interrupt it, and one was seen to ask for "
           << asked << ".";
    } else {
      text << "seen on " << page.Thread(edge.thread) << ".";
    }
  }
  Prose(page.out(), 4, 6) << held << page.Instance(edge.held) << " (" << ModeName(edge.held.mode)
                          << ") was taken with " << page.CallOnly(edge.held) << " here:";
  WriteStack(edge.held, page);
  Prose(page.out(), 4, 6) << asked << page.Instance(edge.asked) << " (" << ModeName(edge.asked.mode)
                          << ") was then asked for with " << page.CallOnly(edge.asked)
                          << (edge.implicit ? ", in the handler, here:" : " here:");
  WriteStack(edge.asked, page);
}

// Why a reader can wait for a lock that is only held shared.
void WriteReaderNotes(std::span<const FindingEdge> edges, Page& page) {
  for (size_t i = 0; i < edges.size(); ++i) {
    const FindingLock& asked = edges[i].asked;
    const FindingLock& held = edges[(i + 1) % edges.size()].held;
    if (asked.mode != LockMode::kReader || held.mode == LockMode::kExclusive) continue;
    page.out() << '\n';
    page.Paragraph() << page.Call(asked) << " waits although the lock is only held shared: when a "
                     << "writer waits for it, new readers queue behind that writer.";
  }
}

std::string_view Explain(Confidence confidence) {
  switch (confidence) {
    case Confidence::kWitnessed:
      return "witnessed. Different threads were seen to take these steps, so they can meet.";
    case Confidence::kFewThreads:
      return "few-threads. The ring needs a thread for each step at the same time; fewer threads "
             "were seen to take them.";
    case Confidence::kSingleThread:
      return "single-thread. One thread was seen to take all the steps. It is a danger if several "
             "threads can run this code at the same time.";
  }
  return "unknown.";
}

void WriteEvidence(const Finding& finding, Page& page) {
  page.Heading("How sure this is");
  if (finding.edges.size() == 1) {
    page.Item() << "Confidence: " << ToString(finding.confidence)
                << ". One thread is enough for this.";
  } else {
    page.Item() << "Confidence: " << Explain(finding.confidence);
  }
  page.Item() << (finding.linked
                      ? "Instances: linked. The very lock objects that were seen form the ring."
                      : "Instances: separate. The objects that were seen do not form a ring; other "
                        "objects of the same classes can. If they never do, give these locks "
                        "classes (LockClass) or subclasses of their own.");
}

}  // namespace

void WriteCycle(const Finding& finding, Page& page) {
  WriteOpening(finding, page);
  WriteHeld(finding, page);

  page.Heading(finding.edges.size() == 1
                   ? "What was seen"
                   : "What was seen (X -> Y: while X was held, Y was asked for; newest first)");
  for (size_t i = 0; i < finding.edges.size(); ++i) WriteStep(i + 1, finding.edges[i], page);

  const CycleThreads threads(finding.edges, page);
  page.Heading("How it goes wrong");
  WriteScenario(finding.edges, threads, page);
  WriteReaderNotes(finding.edges, page);

  WriteConsequences(finding, threads, page);
  WriteCycleAdvice(finding, threads, page);
  WriteEvidence(finding, page);
}

}  // namespace rqlockdep::report
