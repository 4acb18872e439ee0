#include "validator/report/scenario.h"

#include <algorithm>
#include <array>

#include "validator/report/spelling.h"

namespace rqlockdep::report {
namespace {

constexpr size_t kIndent = 4;
constexpr size_t kGap = 3;
// With more columns they would be too narrow for names.
constexpr size_t kMaxColumns = 4;

// What a thread does, from top to bottom.
enum Row { kTitle, kHeld, kInterruption, kAsked, kWait, kFailure, kRows };

class Writer {
 public:
  Writer(std::span<const FindingEdge> edges, const CycleThreads& threads, Page& page)
      : edges_(edges), threads_(threads), page_(page) {}

  // False, and nothing written, if the page is not wide enough.
  bool WriteColumns() {
    const size_t count = edges_.size();
    const size_t widest = (kPageColumns - kIndent - kGap * (count - 1)) / count;
    std::array<size_t, kMaxColumns> start = {};
    std::array<size_t, kMaxColumns> width = {};
    size_t column = kIndent;
    for (size_t i = 0; i < count; ++i) {
      for (int row = 0; row < kRows; ++row) {
        width[i] = std::max(width[i], Cell(i, static_cast<Row>(row), widest).size());
      }
      start[i] = column;
      column += width[i] + kGap;
    }
    if (column - kGap > kPageColumns) return false;
    const auto put = [&](size_t i, Row row) {
      const Label cell = Cell(i, row, widest);
      if (!cell.empty()) page_.out().PadTo(start[i]) << cell.view();
    };
    TextWriter& out = page_.out();
    for (size_t i = 0; i < count; ++i) put(i, kTitle);
    out << '\n';
    for (size_t i = 0; i < count; ++i) {
      out.PadTo(start[i]);
      for (size_t k = 0; k < width[i]; ++k) out << '-';
    }
    out << '\n';
    for (const Row row : {kHeld, kInterruption, kAsked}) {
      for (size_t i = 0; i < count; ++i) {
        if (Cell(i, row, widest).empty()) continue;
        put(i, row);
        out << '\n';
      }
    }
    for (const Row row : {kWait, kFailure}) {
      const size_t begin = out.text().size();
      for (size_t i = 0; i < count; ++i) put(i, row);
      if (out.text().size() != begin) out << '\n';
    }
    return true;
  }

  void WriteStacked() {
    for (const Row row : {kHeld, kInterruption, kAsked}) {
      for (size_t i = 0; i < edges_.size(); ++i) {
        const Label cell = Cell(i, row, Page::kNameColumns);
        if (cell.empty()) continue;
        TextWriter& out = page_.out();
        out.PadTo(kIndent) << threads_.Name(i, 16).view() << ":  ";
        out.PadTo(kIndent + 18) << cell.view();
        if (row == kAsked) {
          for (const Row outcome : {kWait, kFailure}) {
            const Label text = Cell(i, outcome, 30);
            if (text.empty() || out.column() + 2 + text.size() > kPageColumns) continue;
            out << "  " << text.view();
          }
        }
        out << '\n';
      }
    }
  }

 private:
  Label Statement(const FindingLock& lock, size_t max) {
    const size_t around = page_.CallOnly(lock).size() + 1;
    return page_.Call(lock, max - std::min(max, around)) << ";";
  }

  Label Cell(size_t i, Row row, size_t max) {
    const FindingEdge& edge = edges_[i];
    switch (row) {
      case kTitle:
        return threads_.Title(i, max);
      case kHeld:
        return Statement(edge.held, max);
      case kInterruption: {
        if (!edge.implicit) return {};
        Label cell("<");
        return cell << ContextName(edge.context) << ">";
      }
      case kAsked:
        return Statement(edge.asked, max);
      case kWait: {
        Label cell("-> waits for ");
        if (edges_.size() == 1) return cell << "itself";
        const size_t room = std::max<size_t>(8, max - std::min(max, cell.size()));
        return cell << threads_.Name((i + 1) % edges_.size(), room).view();
      }
      case kFailure:
        return IsBounded(edge.asked.strength) ? "-> fails in the end" : "";
      case kRows:
        break;
    }
    return {};
  }

  std::span<const FindingEdge> edges_;
  const CycleThreads& threads_;
  Page& page_;
};

}  // namespace

void WriteScenario(std::span<const FindingEdge> edges, const CycleThreads& threads, Page& page) {
  if (edges.empty()) return;
  Writer writer(edges, threads, page);
  if (edges.size() > kMaxColumns || !writer.WriteColumns()) writer.WriteStacked();
  const bool bounded = std::ranges::any_of(
      edges, [](const FindingEdge& edge) { return IsBounded(edge.asked.strength); });
  page.out() << '\n';
  page.out().PadTo(kIndent) << (bounded ? "*** STALL until an acquisition fails ***\n"
                                        : "*** DEADLOCK ***\n");
}

}  // namespace rqlockdep::report
