#include "validator/runtime/finding_handler.h"

#include <atomic>

#include "rqlockdep/findings.h"
#include "validator/runtime/exit_status.h"

namespace rqlockdep {
namespace {

// Acquire and release: what the program wrote before it set the handler is visible to it.
constinit std::atomic<FindingHandler> current_handler{nullptr};

}  // namespace

FindingHandler SetFindingHandler(FindingHandler handler) {
  return current_handler.exchange(handler, std::memory_order_acq_rel);
}

size_t FindingCount() { return AllFindings(); }

bool CallFindingHandler(const Finding& finding, std::string_view text) {
  const FindingHandler handler = current_handler.load(std::memory_order_acquire);
  if (handler == nullptr) return false;
  handler({.id = ToString(finding.id),
           .severity = ToString(finding.severity),
           .confidence = ToString(finding.confidence),
           .number = finding.number,
           .text = text});
  return true;
}

}  // namespace rqlockdep
