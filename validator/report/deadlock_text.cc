#include "validator/report/deadlock_text.h"

#include <algorithm>

#include "validator/report/call_stack.h"
#include "validator/report/sections.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

void WriteOutcome(const FindingThread& victim, Page& page) {
  const FindingLock& asked = victim.waits_for;
  if (asked.strength == Strength::kResilient) {
    page.Paragraph() << "The program goes on: " << page.Thread(victim.thread) << " is the newest "
                     << "resilient waiter. Its " << page.Call(asked) << " fails with "
                     << FailureName(FailReason::kDeadlock) << " at once.";
  } else {
    page.Paragraph() << "The program goes on after a stall: " << page.Thread(victim.thread)
                     << " is the newest waiter with a time limit. Its " << page.Call(asked)
                     << " fails with " << FailureName(FailReason::kTimedOut) << " after "
                     << LimitName(asked.strength) << ".";
  }
}

}  // namespace

void WriteDeadlock(const Finding& finding, Page& page) {
  const bool resilient = finding.id == FindingId::kResilientDeadlock;
  if (finding.threads.size() == 1) {
    page.Paragraph() << "This thread waits now for a lock that it holds itself:";
  } else {
    page.Paragraph() << "These threads wait for each other now, each for a lock that the next one "
                        "holds or waits for ahead of it, and the last one for the first:";
  }
  for (const FindingThread& thread : finding.threads) {
    const FindingLock& asked = thread.waits_for;
    page.Item() << "- " << page.Thread(thread.thread) << " waits for " << page.Class(asked)
                << page.Instance(asked) << " (" << ModeName(asked.mode) << ") in "
                << page.CallOnly(asked) << page.Place(asked)
                << (IsBounded(asked.strength) ? ", with a time limit" : ", without a time limit")
                << (thread.gives_way ? "; it gives way." : ".");
  }

  for (const FindingThread& thread : finding.threads) {
    Label title("Where ");
    title << page.Thread(thread.thread).view() << " waits";
    WriteStackSection(title.view(), thread.waits_for, page);
    WriteHeld(thread.thread, thread.held, true, page);
  }

  page.Heading("What happens then");
  const auto victim = std::ranges::find_if(finding.threads, &FindingThread::gives_way);
  if (resilient && victim != finding.threads.end()) {
    WriteOutcome(*victim, page);
  } else if (finding.threads.size() == 1) {
    page.Paragraph() << "It hangs for ever, and so does whoever asks for the lock later.";
  } else {
    page.Paragraph() << "None of them has a time limit. They hang for ever, and so does whoever "
                        "asks for one of these locks later.";
  }

  page.Heading("What to do");
  if (resilient && victim != finding.threads.end()) {
    page.Item() << "- After the failure " << page.Thread(victim->thread)
                << " must give back what the others wait for before it tries again.";
  }
  if (finding.threads.size() == 1) {
    page.Item() << "- Give the lock back before asking for it again, or call what needs it without "
                   "taking it.";
  } else {
    page.Item() << "- Take these locks in one order everywhere; then no such ring can form.";
  }
}

}  // namespace rqlockdep::report
