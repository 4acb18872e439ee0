#include "validator/report/lock_list_text.h"

#include <algorithm>

#include "validator/report/call_stack.h"
#include "validator/report/page.h"
#include "validator/report/sections.h"
#include "validator/report/spelling.h"

namespace rqlockdep {
namespace {

using report::Page;
using report::Prose;

// Is `lock` of some thread why the wait for `asked` goes on? A reader may also wait because of
// another reader and a writer that waits for that one.
bool IsInTheWay(const FindingLock& lock, const FindingLock& asked) {
  if (lock.instance != asked.instance) return false;
  return !lock.waiting || (asked.mode == LockMode::kReader && lock.mode == LockMode::kExclusive);
}

// Which threads stand in the way of the wait for `asked`.
void WriteHolders(const FindingLock& asked, std::span<const ThreadLocks> threads, Page& page) {
  constexpr size_t kMost = 8;
  Prose text(page.out(), 8, 8);
  size_t holders = 0;
  for (const ThreadLocks& thread : threads) {
    const auto lock = std::ranges::find_if(
        thread.locks, [&](const FindingLock& candidate) { return IsInTheWay(candidate, asked); });
    if (lock == thread.locks.end() || ++holders > kMost) continue;
    text << (holders == 1 ? "" : "; ")
         << (lock->waiting ? "a writer that waits, too: " : "held by ")
         << page.Thread(thread.thread);
    if (lock->mode != LockMode::kExclusive) text << " (shared)";
    if (thread.ended) text << ", which has ended: nobody will give it back";
  }
  if (holders == 0) text << "held by nobody that the validator knows, or just given back";
  if (holders > kMost) (text << " and ").Number(holders - kMost) << " more";
}

void WriteThread(const ThreadLocks& thread, std::span<const ThreadLocks> threads, Page& page) {
  page.out() << '\n';
  {
    Prose title = page.Paragraph();
    title << page.Thread(thread.thread);
    if (thread.ended) title << ", which has ended";
    if (thread.changing) title << " (runs: took or gave back locks while it was looked at)";
    title << ":";
  }
  for (const FindingLock& lock : thread.locks) {
    page.Item() << (lock.waiting ? "waits for " : "holds ") << page.Class(lock)
                << page.Instance(lock) << ", " << report::ModeName(lock.mode)
                << (lock.waiting ? ", in " : ", by ") << page.CallOnly(lock) << page.Place(lock);
    if (lock.waiting) WriteHolders(lock, threads, page);
  }
}

}  // namespace

void WriteLockList(std::span<const ThreadLocks> threads, size_t others, Names& names,
                   TextWriter& out) {
  report::PrefetchSites(threads, names);
  Page page(names, out, Page::Marks::kOn);
  report::WriteSeparator(page);
  out << "rqlockdep: all locks that are held or waited for\n";
  for (const ThreadLocks& thread : threads) WriteThread(thread, threads, page);
  out << '\n';
  page.Paragraph().Number(others) << (others == 1 ? " more thread has" : " more threads have")
                                  << " no lock.";
  page.WriteLegend();
  report::WriteSeparator(page);
}

}  // namespace rqlockdep
