#include "validator/runtime/finding_reporter.h"

#include <mutex>

#include "validator/report/text_report.h"
#include "validator/runtime/exit_status.h"
#include "validator/runtime/finding_handler.h"
#include "validator/runtime/output.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {

void FindingReporter::OnFinding(const Finding& finding) {
  if (finding.severity < options_.min_severity || finding.confidence < options_.min_confidence) {
    return;
  }
  NoteFinding(finding.severity);
  {
    const std::scoped_lock guard(mutex_);
    TextWriter out;
    WriteTextReport(finding, names_, out);
    if (!CallFindingHandler(finding, out.text())) WriteReport(out.text());
  }
  const char* const halts =
      options_.halt_on_error && finding.severity == Severity::kError    ? "halt_on_error"
      : options_.halt_on_deadlock && finding.id == FindingId::kDeadlock ? "halt_on_deadlock"
                                                                        : nullptr;
  if (halts == nullptr) return;
  TextWriter out;
  out << "rqlockdep: the program ends here (" << halts << ")\n";
  WriteReport(out.text());
  // As the sanitizers do: at once, without handlers. 0 would look like success. Not _exit(3), where
  // thread sanitizer would find fault with a thread that ends in the midst of taking a lock.
  RawSystemCall(SYS_exit_group, options_.exitcode == 0 ? 1 : options_.exitcode);
}

}  // namespace rqlockdep
