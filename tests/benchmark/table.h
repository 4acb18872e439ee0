// A table of text, printed with aligned columns or as Markdown, and how numbers are written in it.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_TABLE_H_
#define RQLOCKDEP_TESTS_BENCHMARK_TABLE_H_

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace rqlockdep::benchmark {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // One cell for each column.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // The first column to the left, the others to the right.
  void Print(std::ostream& out, bool markdown) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// All of them: "-" for what was not measured (NaN).
std::string Ratio(double ratio);           // 1.52x; "-", too, if it is one to nothing
std::string Digits(double number);         // three significant digits: 0.0123, 4.56, 789, 12345
std::string Duration(double nanoseconds);  // with a unit: 12.3 ns, 4.56 us, 78.9 ms

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_TABLE_H_
