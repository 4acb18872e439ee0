// recursive-locking, nest-lock-not-held, invalid-wait-context: a thread asks for a lock that does
// not go with what it holds or where it is.
#include "validator/checks/lock_kinds.h"
#include "validator/report/call_stack.h"
#include "validator/report/misuse_text.h"
#include "validator/report/sections.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

void WriteAskedAndHeld(const Finding& finding, Page& page) {
  WriteStackSection("Where it is asked for now", finding.lock, page);
  WriteStackSection("Where the held one was taken", finding.other, page);
  WriteHeld(finding, page);
}

// One column: the thread needs nobody else to hang.
void WriteOneColumn(const Finding& finding, Page& page) {
  page.Heading("How it goes wrong");
  TextWriter& out = page.out();
  out.PadTo(4) << page.Call(finding.other).view() << ";\n";
  out.PadTo(4) << page.Call(finding.lock).view() << ";";
  out << (IsBounded(finding.lock.strength) ? "\n\n    *** STALL until the acquisition fails ***\n"
                                           : "\n\n    *** DEADLOCK ***\n");
}

void WriteSelfDeadlock(const Finding& finding, Page& page) {
  page.Paragraph() << page.Thread(finding.thread) << " asks for " << page.Class(finding.lock)
                   << page.Instance(finding.lock) << " (" << ModeName(finding.lock.mode)
                   << ") with " << page.CallOnly(finding.lock) << page.Place(finding.lock)
                   << ". It holds this very lock already (" << ModeName(finding.other.mode)
                   << "), taken with " << page.CallOnly(finding.other) << page.Place(finding.other)
                   << ".";
  WriteAskedAndHeld(finding, page);
  WriteOneColumn(finding, page);
  page.Heading("What happens then");
  Prose text = page.Paragraph();
  const bool both_read =
      finding.lock.mode != LockMode::kExclusive && finding.other.mode != LockMode::kExclusive;
  text << "The thread waits for itself";
  if (both_read) {
    text << " as soon as a writer waits between the two: the second read queues behind the "
            "writer, and the writer waits for the first";
  }
  if (IsBounded(finding.lock.strength)) {
    text << ". The acquisition fails with " << FailureName(FailReason::kTimedOut) << " after "
         << LimitName(finding.lock.strength) << "; all who want the lock stall meanwhile.";
  } else {
    text << ". It hangs for ever.";
  }
}

void WriteSelfDeadlockAdvice(const Finding& finding, Page& page) {
  page.Heading("What to do");
  page.Item() << "- Take the lock once: let the inner code expect it held, or give it back before "
                 "calling that code.";
  if (finding.lock.mode != LockMode::kExclusive && finding.other.mode == LockMode::kExclusive) {
    page.Item() << "- To go on reading after a write, downgrade the hold instead of asking again.";
  }
  page.Item() << "- Where the nesting is wanted, a recursive mutex allows it.";
}

void WriteSameClass(const Finding& finding, Page& page) {
  page.Paragraph() << page.Thread(finding.thread) << " asks for " << page.Class(finding.lock)
                   << page.Instance(finding.lock) << " (" << ModeName(finding.lock.mode)
                   << ") with " << page.CallOnly(finding.lock) << page.Place(finding.lock)
                   << ", while it holds another lock of the same class"
                   << page.Instance(finding.other) << ", taken with "
                   << page.CallOnly(finding.other) << page.Place(finding.other)
                   << ". Nothing says in which order two locks of this class are taken.";
  WriteAskedAndHeld(finding, page);
  page.Heading("What happens then");
  page.Paragraph()
      << "Two threads that take the same two locks of the class, one in this order and "
         "one in the other, wait for each other for ever.";
  page.Heading("What to do");
  if (finding.lock.lock_class != nullptr && finding.lock.lock_class->key.order != nullptr) {
    page.Item() << "- The class has an order function, and it does not allow this order. Take the "
                   "locks in the order that it defines.";
    return;
  }
  page.Item()
      << "- If there is an order (parent before child, lower address first): tell it with an "
         "order function of the class, LockClass(name, order).";
  page.Item() << "- If there are two levels: ask for the inner lock with a subclass (subclass 1), "
                 "or give it a LockClass of its own.";
  page.Item() << "- If an outer lock makes sure that only one thread nests at a time: name it as "
                 "the nest lock of the inner acquisition.";
  page.Item()
      << "- If there is no order: do not hold two at once, or use try_lock() for the second "
         "and start over when it fails.";
}

}  // namespace

void WriteRecursion(const Finding& finding, Page& page) {
  if (finding.detail == FindingDetail::kSameClass) {
    WriteSameClass(finding, page);
  } else {
    WriteSelfDeadlock(finding, page);
    WriteSelfDeadlockAdvice(finding, page);
  }
}

void WriteNestLockNotHeld(const Finding& finding, Page& page) {
  page.Paragraph() << page.Thread(finding.thread) << " asks for " << page.Class(finding.lock)
                   << page.Instance(finding.lock) << " with " << page.CallOnly(finding.lock)
                   << page.Place(finding.lock) << " and says that " << page.Class(finding.other)
                   << page.Instance(finding.other)
                   << " serialises the nesting. But it does not hold that lock.";
  WriteStackSection("Where it is asked for", finding.lock, page);
  WriteHeld(finding, page);
  page.Heading("What happens then");
  page.Paragraph() << "Nothing keeps two threads from nesting here at the same time, in opposite "
                      "orders. The nest lock was ignored for the other checks.";
  page.Heading("What to do");
  page.Item() << "- Take " << page.Class(finding.other) << " before " << page.Class(finding.lock)
              << " and keep it until the nested locks are given back; or name the lock that is "
                 "really held.";
}

void WriteInvalidWaitContext(const Finding& finding, Page& page) {
  // The lock that lowers the rank, if it is one.
  const FindingLock* inner = nullptr;
  for (const FindingLock& lock : finding.held) {
    if (lock.this_context && !lock.waiting && lock.lock_class != nullptr &&
        InnerRank(*lock.lock_class) == finding.rank_current) {
      inner = &lock;
    }
  }
  const ClassInfo* const lock_class = finding.lock.lock_class;
  {
    Prose text = page.Paragraph();
    text << page.Thread(finding.thread) << " asks for " << page.Class(finding.lock)
         << page.Instance(finding.lock);
    if (lock_class != nullptr) text << ", a " << KindName(lock_class->kind) << ",";
    text << " with " << page.CallOnly(finding.lock) << page.Place(finding.lock) << ". Such a lock "
         << RankProperty(finding.rank_needed) << " (rank " << RankName(finding.rank_needed)
         << "). Here " << RankAllowance(finding.rank_current) << " is allowed (rank "
         << RankName(finding.rank_current) << "), because the thread ";
    if (inner != nullptr) {
      text << "holds " << page.Class(*inner);
      text << ", a " << KindName(inner->lock_class->kind) << page.Place(*inner) << ".";
    } else {
      text << "is inside a handler, which interrupts other code.";
    }
  }
  WriteStackSection("Where it is asked for", finding.lock, page);
  WriteHeld(finding, page);
  page.Heading("What happens then");
  page.Paragraph() << (inner != nullptr
                           ? "The thread may sleep while it holds that lock. Whoever spins for it "
                             "burns a processor for as long."
                           : "The handler may sleep. The code that it interrupted stands still "
                             "meanwhile, perhaps with the very lock that is waited for.");
  page.Heading("What to do");
  if (inner != nullptr) {
    page.Item() << "- Take " << page.Class(finding.lock) << " before " << page.Class(*inner)
                << ", or after giving that back.";
    page.Item() << "- Or make " << page.Class(*inner) << " a lock that sleeps.";
  } else {
    page.Item() << "- Leave the part that needs " << page.Class(finding.lock)
                << " to a thread; or try_lock() it, and do without when it is taken.";
  }
}

}  // namespace rqlockdep::report
