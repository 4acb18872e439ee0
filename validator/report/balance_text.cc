// unbalanced-release, held-lock-destroyed, held-at-exit, not-unwound: locks that are not given back
// as they were taken.
#include "validator/report/call_stack.h"
#include "validator/report/misuse_text.h"
#include "validator/report/sections.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

bool IsForeign(const Finding& finding) {
  return finding.other_thread != kNoThread && finding.other_thread != finding.thread;
}

// What is wrong about the release, and what to do.
struct ReleaseText {
  std::string_view consequence;
  std::string_view advice;
};

ReleaseText TextOf(FindingDetail detail) {
  switch (detail) {
    case FindingDetail::kHeldByOther:
      return {
          "The holder goes on as if the lock were its own, while a third thread can take it: "
          "two threads are inside the same critical section.",
          "- A lock is given back by the thread that took it. To wake another thread, use a "
          "condition variable or a semaphore instead."};
    case FindingDetail::kHeldOutsideContext:
      return {"The interrupted code goes on as if it still held the lock.",
              "- A handler gives back only what it has taken itself. Move the release to the code "
              "that took the lock."};
    case FindingDetail::kAcquisitionFailed:
      return {
          "The lock belongs to somebody else, or to nobody. The release takes it away from its "
          "holder.",
          "- Check the result of the acquisition and leave the critical section out when it "
          "failed. ResilientLockGuard remembers whether it got the lock."};
    case FindingDetail::kDowngradeNotExclusive:
      return {"There is no exclusive hold in this context that could become a shared one.",
              "- Downgrade only after an exclusive acquisition, once, and in the same context."};
    default:
      return {"A second thread may have taken the lock since; then this release takes it away.",
              "- Look for a second release on this path, for an error path that releases what it "
              "did not take, or for an early release that was forgotten."};
  }
}

}  // namespace

void WriteUnbalancedRelease(const Finding& finding, Page& page) {
  const bool downgrade = finding.detail == FindingDetail::kDowngradeNotExclusive;
  {
    Prose text = page.Paragraph();
    text << page.Thread(finding.thread) << (downgrade ? " downgrades " : " releases ")
         << page.Class(finding.lock) << page.Instance(finding.lock) << page.Place(finding.lock)
         << ". ";
    switch (finding.detail) {
      case FindingDetail::kDowngradeNotExclusive:
        text << "It does not hold this lock exclusively in this context.";
        break;
      case FindingDetail::kHeldOutsideContext:
        text << "It holds this lock, but took it outside the context (handler) that it is in now.";
        break;
      case FindingDetail::kAcquisitionFailed:
        text << "Its last acquisition of this lock did not succeed: the result was "
             << FailureName(finding.fail_reason) << ".";
        break;
      case FindingDetail::kHeldByOther:
        text << "It never took this lock, or has already given it back.";
        break;
      default:
        text << "No thread holds this lock: it was never taken, or was already given back.";
        break;
    }
    if (IsForeign(finding)) text << " " << page.Thread(finding.other_thread) << " holds it.";
  }
  WriteStackSection(downgrade ? "Where it is downgraded" : "Where it is released", finding.lock,
                    page);
  WriteHeld(finding, page);
  const ReleaseText texts = TextOf(finding.detail);
  page.Heading("What happens then");
  page.Paragraph() << texts.consequence;
  page.Heading("What to do");
  page.Item() << texts.advice;
}

void WriteHeldLockDestroyed(const Finding& finding, Page& page) {
  const std::string_view what = finding.detail == FindingDetail::kInit ? " initialises "
                                : finding.detail == FindingDetail::kMemoryFreed
                                    ? " frees the memory of "
                                    : " destroys ";
  {
    Prose text = page.Paragraph();
    text << page.Thread(finding.thread) << what << page.Class(finding.lock)
         << page.Instance(finding.lock) << page.Place(finding.lock) << ". ";
    if (IsForeign(finding)) {
      text << page.Thread(finding.other_thread) << " holds this lock.";
    } else {
      text << "It holds this lock itself";
      if (finding.other.lock_class != nullptr) {
        text << ", taken with " << page.CallOnly(finding.other) << page.Place(finding.other);
      }
      text << ".";
    }
  }
  WriteStackSection("Where that is done", finding.lock, page);
  if (finding.other.lock_class != nullptr) {
    WriteStackSection("Where the lock was taken", finding.other, page);
  }
  WriteHeld(finding, page);
  page.Heading("What happens then");
  if (finding.detail == FindingDetail::kInit) {
    page.Paragraph()
        << "The lock is free although somebody is inside its critical section: another "
           "thread can enter too. The holder's release will be one too many.";
  } else {
    page.Paragraph() << "The holder will release a lock that is gone and write to memory that may "
                        "belong to something else by then. Whoever waits for the lock may wait for "
                        "ever.";
  }
  page.Heading("What to do");
  if (IsForeign(finding)) {
    page.Item() << "- Make sure that no other thread uses the object any more: join or count its "
                   "users first.";
  } else {
    page.Item() << "- Release the lock before. A guard object has to end before the lock that it "
                   "guards.";
  }
}

void WriteHeldAtExit(const Finding& finding, Page& page) {
  const bool leaves = finding.detail == FindingDetail::kContextLeave;
  page.Paragraph() << page.Thread(finding.thread)
                   << (leaves ? " leaves a handler and still holds locks that it took there."
                              : " ends and still holds locks.");
  WriteHeld(finding.thread, finding.held, true, page);
  WriteStackSection(leaves ? "Where the handler ends" : "Where the thread ends", finding.lock,
                    page);
  page.Heading("What happens then");
  page.Paragraph() << (leaves
                           ? "No later code can give them back in the handler's name. Whoever "
                             "asks for one of them waits for ever, or until its time limit."
                           : "The owner is gone: nobody can give them back any more. Whoever asks "
                             "for one of them waits for ever, or until its time limit; for a "
                             "resilient lock it fails with \"deadlock\" after about a "
                             "millisecond.");
  page.Heading("What to do");
  page.Item() << "- Release each lock on every way out: look at early returns and exceptions after "
                 "the places above. A guard object does it by itself.";
}

void WriteNotUnwound(const Finding& finding, Page& page) {
  page.Paragraph() << page.Thread(finding.thread) << " asks for " << page.Class(finding.lock)
                   << page.Instance(finding.lock) << " again with " << page.CallOnly(finding.lock)
                   << page.Place(finding.lock) << ". Its last attempt has just failed with "
                   << FailureName(finding.fail_reason)
                   << ", and since then it has given nothing back.";
  WriteStackSection("Where it is asked for again", finding.lock, page);
  WriteHeld(finding, page);
  page.Heading("What happens then");
  page.Paragraph() << "The failure said that somebody cannot go on because of what this thread "
                      "holds. As nothing has changed, the new attempt runs into the same: each "
                      "round costs the others up to the whole time limit (250 ms by default).";
  page.Heading("What to do");
  {
    Prose text = page.Item();
    text << "- When " << page.Call(finding.lock) << " fails, give back ";
    size_t count = 0;
    for (const FindingLock& lock : finding.held) {
      if (lock.waiting || !lock.this_context) continue;
      text << (count++ == 0 ? "" : ", ") << page.Class(lock);
    }
    if (count == 0) text << "what the thread holds";
    text << (count > 1 ? " (at least what the others wait for)" : "")
         << ", then start over; or hand the error to the caller.";
  }
}

}  // namespace rqlockdep::report
