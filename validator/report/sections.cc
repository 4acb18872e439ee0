#include "validator/report/sections.h"

#include "validator/report/call_stack.h"
#include "validator/report/spelling.h"

namespace rqlockdep::report {

void WriteSeparator(Page& page) {
  constexpr size_t kColumns = 100;
  for (size_t i = 0; i < kColumns; ++i) page.out() << '=';
  page.out() << '\n';
}

void WriteHeld(ThreadId thread, std::span<const FindingLock> held, bool stacks, Page& page) {
  Label title("What ");
  title << page.Thread(thread).view() << " holds, oldest first";
  page.Heading(title.view());
  size_t number = 0;
  for (const FindingLock& lock : held) {
    if (lock.waiting) continue;
    {
      Prose item = page.Item();
      item.Number(++number) << ". " << page.Class(lock) << page.Instance(lock) << ", "
                            << ModeName(lock.mode) << ", by " << page.CallOnly(lock)
                            << page.Place(lock);
      if (!lock.this_context) item << " (taken before the interruption)";
    }
    if (stacks) WriteStack(lock, page);
  }
  if (number == 0) page.Item() << "nothing";
  if (stacks) return;  // the report has a stack of the wait as well
  for (const FindingLock& lock : held) {
    if (!lock.waiting || !lock.this_context) continue;
    page.Item() << "It waits for " << page.Class(lock) << page.Instance(lock) << ", by "
                << page.CallOnly(lock) << page.Place(lock) << ".";
  }
}

void WriteStackSection(std::string_view title, const FindingLock& lock, Page& page) {
  page.Heading(title);
  WriteStack(lock, page);
}

}  // namespace rqlockdep::report
