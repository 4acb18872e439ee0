#include "validator/report/cycle_threads.h"

#include <algorithm>

namespace rqlockdep::report {

CycleThreads::CycleThreads(std::span<const FindingEdge> edges, Page& page)
    : edges_(edges), page_(page) {
  for (size_t i = 0; i < edges.size(); ++i) {
    const ThreadId thread = edges[i].thread;
    const auto same = [&](const FindingEdge& edge) { return edge.thread == thread; };
    if (thread == kNoThread || std::ranges::any_of(edges.first(i), same)) all_different_ = false;
  }
}

Label CycleThreads::Name(size_t i, size_t max) const {
  if (all_different_) return page_.Thread(edges_[i].thread, max);
  Label name("thread ");
  if (i >= 26) return name.Decimal(i + 1);
  const char letter = static_cast<char>('A' + i);
  return name << std::string_view(&letter, 1);
}

Label CycleThreads::Title(size_t i, size_t max) const {
  Label title = Name(i, max);
  if (all_different_ || edges_[i].thread == kNoThread) return title;
  constexpr size_t kAround = 8;  // " (like )"
  if (max < title.size() + kAround + 8) return title;
  const Label like = page_.Thread(edges_[i].thread, max - title.size() - kAround);
  return title << " (like " << like.view() << ")";
}

}  // namespace rqlockdep::report
