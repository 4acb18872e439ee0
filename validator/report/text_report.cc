#include "validator/report/text_report.h"

#include "validator/report/call_stack.h"
#include "validator/report/cycle_text.h"
#include "validator/report/deadlock_text.h"
#include "validator/report/headline.h"
#include "validator/report/misuse_text.h"
#include "validator/report/page.h"
#include "validator/report/sections.h"

namespace rqlockdep {
namespace {

using report::Page;

void WriteBody(const Finding& finding, Page& page) {
  switch (finding.id) {
    case FindingId::kCircularDependency:
    case FindingId::kResilientCycle:
    case FindingId::kInconsistentContext:
    case FindingId::kContextInversion:
      if (!finding.edges.empty()) WriteCycle(finding, page);
      break;
    case FindingId::kRecursiveLocking:
      WriteRecursion(finding, page);
      break;
    case FindingId::kNestLockNotHeld:
      WriteNestLockNotHeld(finding, page);
      break;
    case FindingId::kInvalidWaitContext:
      WriteInvalidWaitContext(finding, page);
      break;
    case FindingId::kUnbalancedRelease:
      WriteUnbalancedRelease(finding, page);
      break;
    case FindingId::kHeldLockDestroyed:
      WriteHeldLockDestroyed(finding, page);
      break;
    case FindingId::kHeldAtExit:
      WriteHeldAtExit(finding, page);
      break;
    case FindingId::kNotUnwound:
      WriteNotUnwound(finding, page);
      break;
    case FindingId::kDeadlock:
    case FindingId::kResilientDeadlock:
      WriteDeadlock(finding, page);
      break;
  }
}

}  // namespace

void WriteTextReport(const Finding& finding, Names& names, TextWriter& out) {
  report::PrefetchStacks(finding, names);
  Page page(names, out, Page::Marks::kOn);
  WriteSeparator(page);
  WriteHeadline(finding, names, out);
  out << '\n';
  WriteBody(finding, page);
  page.WriteLegend();
  WriteSeparator(page);
}

void WriteHeadline(const Finding& finding, Names& names, TextWriter& out) {
  // Without marks: the line stands alone, and in a report the body has the names again.
  Page page(names, out, Page::Marks::kOff);
  report::WriteHeadlineText(finding, page);
  out << '\n';
}

void WriteMessage(const Finding& finding, Names& names, TextWriter& out) {
  Page page(names, out, Page::Marks::kOff);
  report::WriteMessage(finding, page);
}

uint32_t FindingCounts::total() const {
  uint32_t sum = 0;
  for (const uint32_t count : by_id) sum += count;
  return sum;
}

void WriteCounts(const FindingCounts& counts, TextWriter& out) {
  const uint32_t total = counts.total();
  if (total == 0) {
    out << "no findings";
    return;
  }
  out.Decimal(total) << (total == 1 ? " finding" : " findings");
  const char* separator = ": ";
  for (int i = 0; i < kFindingIdCount; ++i) {
    if (counts.by_id[i] == 0) continue;
    (out << separator).Decimal(counts.by_id[i]) << " " << ToString(static_cast<FindingId>(i));
    separator = ", ";
  }
}

void WriteSummary(const FindingCounts& counts, TextWriter& out) {
  out << "rqlockdep: ";
  WriteCounts(counts, out);
  out << '\n';
}

}  // namespace rqlockdep
