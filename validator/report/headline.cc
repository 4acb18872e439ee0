#include "validator/report/headline.h"

#include <algorithm>

#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

// How much room the pieces of a headline have.
struct Budget {
  size_t name;  // columns of a class or thread name
  size_t list;  // entries of a list
};

// Few whole names say more than many cut ones.
constexpr Budget kBudgets[] = {{100, 100}, {56, 4}, {40, 3}, {40, 2}, {28, 3}, {28, 2},
                               {20, 3},    {20, 2}, {14, 2}, {14, 1}, {10, 1}, {8, 1}};

class Writer {
 public:
  Writer(const Finding& finding, Budget budget, Page& page)
      : finding_(finding), budget_(budget), page_(page), out_(page.out()) {}

  void Write() {
    switch (finding_.id) {
      case FindingId::kCircularDependency:
        Ring();
        out_ << " can deadlock";
        break;
      case FindingId::kResilientCycle:
        Ring();
        out_ << " can stall until an acquisition fails";
        break;
      case FindingId::kContextInversion:
        Ring();
        out_ << " can deadlock via a handler";
        break;
      case FindingId::kInconsistentContext:
        out_ << (finding_.edges.empty() ? "a handler" : ContextName(finding_.edges[0].context))
             << " asks for "
             << Class(finding_.edges.empty() ? finding_.lock : finding_.edges[0].asked).view()
             << ", whose holder it can interrupt";
        break;
      case FindingId::kRecursiveLocking:
        out_ << Thread().view() << " asks for ";
        if (finding_.detail == FindingDetail::kSameClass) {
          out_ << "a second lock of class " << Lock().view() << " while it holds one";
        } else {
          out_ << Lock().view() << ", which it already holds";
        }
        break;
      case FindingId::kNestLockNotHeld:
        out_ << Thread().view() << " asks for " << Lock().view() << " nested under "
             << Class(finding_.other).view() << ", which it does not hold";
        break;
      case FindingId::kInvalidWaitContext:
        out_ << Thread().view() << " asks for " << Lock().view()
             << (finding_.rank_needed <= 2 ? ", which spins" : ", which may sleep")
             << ", where it must not";
        break;
      case FindingId::kUnbalancedRelease:
        UnbalancedRelease();
        break;
      case FindingId::kHeldLockDestroyed:
        HeldLockDestroyed();
        break;
      case FindingId::kHeldAtExit:
        out_ << Thread().view()
             << (finding_.detail == FindingDetail::kContextLeave ? " leaves a handler" : " ends")
             << " with locks held";
        HeldList();
        break;
      case FindingId::kNotUnwound:
        out_ << Thread().view() << " asks for " << Lock().view()
             << " again after a failure, without giving anything back";
        break;
      case FindingId::kDeadlock:
        Waiters();
        out_ << ", for ever";
        break;
      case FindingId::kResilientDeadlock:
        Waiters();
        for (const FindingThread& thread : finding_.threads) {
          if (thread.gives_way) out_ << "; " << Thread(thread.thread).view() << " gives way";
        }
        break;
    }
  }

 private:
  Label Class(const FindingLock& lock) { return page_.Class(lock, budget_.name); }
  Label Lock() { return Class(finding_.lock); }
  Label Thread(ThreadId thread) { return page_.Thread(thread, budget_.name); }
  Label Thread() { return Thread(finding_.thread); }

  // "A -> B -> A".
  void Ring() {
    const size_t count = finding_.edges.size();
    for (size_t i = 0; i < count; ++i) {
      if (i == budget_.list) {
        out_ << "... -> ";
        break;
      }
      out_ << Class(finding_.edges[i].held).view() << " -> ";
    }
    if (count > 0) out_ << Class(finding_.edges[0].held).view();
  }

  void UnbalancedRelease() {
    const bool downgrade = finding_.detail == FindingDetail::kDowngradeNotExclusive;
    out_ << Thread().view() << (downgrade ? " downgrades " : " releases ") << Lock().view();
    switch (finding_.detail) {
      case FindingDetail::kDowngradeNotExclusive:
        out_ << ", which it does not hold exclusively";
        break;
      case FindingDetail::kHeldByOther:
        out_ << ", which " << Thread(finding_.other_thread).view() << " holds";
        break;
      case FindingDetail::kHeldOutsideContext:
        out_ << " in a handler; it was taken outside";
        break;
      case FindingDetail::kAcquisitionFailed:
        out_ << " although it did not get it: " << FailureName(finding_.fail_reason);
        break;
      default:
        out_ << ", which nobody holds";
        break;
    }
  }

  void HeldLockDestroyed() {
    out_ << Thread().view();
    switch (finding_.detail) {
      case FindingDetail::kInit:
        out_ << " initialises ";
        break;
      case FindingDetail::kMemoryFreed:
        out_ << " frees the memory of ";
        break;
      default:
        out_ << " destroys ";
        break;
    }
    out_ << Lock().view() << ", which ";
    if (finding_.other_thread == finding_.thread || finding_.other_thread == kNoThread) {
      out_ << "it holds";
    } else {
      out_ << Thread(finding_.other_thread).view() << " holds";
    }
  }

  void HeldList() {
    size_t written = 0;
    size_t left_out = 0;
    for (const FindingLock& lock : finding_.held) {
      if (finding_.detail == FindingDetail::kContextLeave && !lock.this_context) continue;
      if (written == budget_.list) {
        ++left_out;
        continue;
      }
      out_ << (written++ == 0 ? ": " : ", ") << Class(lock).view();
    }
    AndMore(left_out);
  }

  void Waiters() {
    size_t written = 0;
    for (const FindingThread& thread : finding_.threads) {
      if (written == budget_.list) break;
      out_ << (written == 0 ? "" : ", ") << Thread(thread.thread).view()
           << (written == 0 ? " waits for " : " for ") << Class(thread.waits_for).view();
      ++written;
    }
    AndMore(finding_.threads.size() - written);
  }

  void AndMore(size_t count) {
    if (count > 0) (out_ << " and ").Decimal(static_cast<int64_t>(count)) << " more";
  }

  const Finding& finding_;
  const Budget budget_;
  Page& page_;
  TextWriter& out_;
};

}  // namespace

void WriteMessage(const Finding& finding, Page& page) {
  Writer(finding, kBudgets[0], page).Write();
}

void WriteHeadlineText(const Finding& finding, Page& page) {
  TextWriter& out = page.out();
  const size_t begin = out.text().size();
  for (const Budget& budget : kBudgets) {
    out.Truncate(begin);
    out << "rqlockdep: " << ToString(finding.severity) << ": " << ToString(finding.id) << ": ";
    Writer(finding, budget, page).Write();
    if (out.column() <= kPageColumns) return;
  }
  out.Truncate(begin + kPageColumns);
}

}  // namespace rqlockdep::report
