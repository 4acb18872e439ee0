#include "tests/benchmark/table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rqlockdep::benchmark {
namespace {

std::string Fixed(double number, int decimals) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, number);
  return text;
}

void PrintRow(std::ostream& out, const std::vector<std::string>& cells,
              const std::vector<size_t>& widths, bool markdown) {
  std::string line = markdown ? "|" : "";
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - cells[i].size(), ' ');
    line += markdown ? " " : (i == 0 ? "" : "  ");
    line += i == 0 ? cells[i] + padding : padding + cells[i];
    if (markdown) line += " |";
  }
  out << line << '\n';
}

}  // namespace

void Table::Print(std::ostream& out, bool markdown) const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    PrintRow(out, rows_[i], widths, markdown);
    if (i != 0) continue;
    if (markdown) {
      out << '|';
      for (size_t column = 0; column < widths.size(); ++column) {
        out << (column == 0 ? "---|" : "---:|");
      }
      out << '\n';
    } else {
      size_t width = 2 * (widths.size() - 1);
      for (const size_t column : widths) width += column;
      out << std::string(width, '-') << '\n';
    }
  }
}

std::string Ratio(double ratio) { return std::isfinite(ratio) ? Digits(ratio) + "x" : "-"; }

std::string Digits(double number) {
  if (std::isnan(number)) return "-";
  if (number == 0 || std::isinf(number)) return Fixed(number, 0);
  // As rounded to three digits: 9.999 is 10.0.
  char rounded[32];
  std::snprintf(rounded, sizeof(rounded), "%.2e", number);
  const int magnitude = std::atoi(std::strchr(rounded, 'e') + 1);
  return Fixed(number, std::clamp(2 - magnitude, 0, 9));
}

std::string Duration(double nanoseconds) {
  if (std::isnan(nanoseconds)) return "-";
  // The next unit begins where three digits of this one would round up to it.
  if (nanoseconds < 999.5) return Digits(nanoseconds) + " ns";
  if (nanoseconds < 999.5e3) return Digits(nanoseconds / 1e3) + " us";
  if (nanoseconds < 999.5e6) return Digits(nanoseconds / 1e6) + " ms";
  return Digits(nanoseconds / 1e9) + " s";
}

}  // namespace rqlockdep::benchmark
