#include "tests/benchmark/table.h"

#include <cmath>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace rqlockdep::benchmark {
namespace {

std::string Printed(const Table& table, bool markdown) {
  std::ostringstream out;
  table.Print(out, markdown);
  return out.str();
}

TEST(TableTest, AlignsItsColumns) {
  Table table({"lock", "ns"});
  table.AddRow({"std_mutex", "9"});
  table.AddRow({"x", "12.5"});
  EXPECT_EQ(Printed(table, /*markdown=*/false),
            "lock         ns\n"
            "---------------\n"
            "std_mutex     9\n"
            "x          12.5\n");
}

TEST(TableTest, IsMarkdownIfAskedFor) {
  Table table({"lock", "ns"});
  table.AddRow({"x", "12.5"});
  EXPECT_EQ(Printed(table, /*markdown=*/true),
            "| lock |   ns |\n"
            "|---|---:|\n"
            "| x    | 12.5 |\n");
}

TEST(NumbersTest, HaveThreeDigits) {
  EXPECT_EQ(Digits(0), "0");
  EXPECT_EQ(Digits(0.012345), "0.0123");
  EXPECT_EQ(Digits(1), "1.00");
  EXPECT_EQ(Digits(0.9999), "1.00");
  EXPECT_EQ(Digits(9.999), "10.0");
  EXPECT_EQ(Digits(12.345), "12.3");
  EXPECT_EQ(Digits(123.45), "123");
  EXPECT_EQ(Digits(1234.5), "1234");
  EXPECT_EQ(Digits(std::nan("")), "-");
}

TEST(NumbersTest, HaveUnits) {
  EXPECT_EQ(Duration(12.34), "12.3 ns");
  EXPECT_EQ(Duration(1234), "1.23 us");
  EXPECT_EQ(Duration(12'345'678), "12.3 ms");
  EXPECT_EQ(Duration(1.5e9), "1.50 s");
  EXPECT_EQ(Duration(999.9), "1.00 us");
  EXPECT_EQ(Duration(std::nan("")), "-");
  EXPECT_EQ(Ratio(1.5), "1.50x");
  EXPECT_EQ(Ratio(std::nan("")), "-");
  EXPECT_EQ(Ratio(INFINITY), "-");
}

}  // namespace
}  // namespace rqlockdep::benchmark
