#include "validator/report/text_writer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

namespace rqlockdep {
namespace {

TEST(TextWriterTest, IsEmptyAtFirst) {
  TextWriter out;
  EXPECT_EQ(out.text(), "");
  EXPECT_EQ(out.column(), 0u);
  EXPECT_FALSE(out.truncated());
}

TEST(TextWriterTest, WritesTextAndNumbers) {
  TextWriter out;
  out << "a" << 'b' << std::string_view("c d");
  out.Decimal(0) << ' ';
  out.Decimal(-17) << ' ';
  out.Decimal(std::numeric_limits<int64_t>::min()) << ' ';
  out.Decimal(std::numeric_limits<int64_t>::max()) << ' ';
  out.Hex(0) << ' ';
  out.Hex(0x1f) << ' ';
  out.Hex(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(out.text(),
            "abc d0 -17 -9223372036854775808 9223372036854775807 0x0 0x1f 0xffffffffffffffff");
}

TEST(TextWriterTest, KnowsTheColumn) {
  TextWriter out;
  out << "abc";
  EXPECT_EQ(out.column(), 3u);
  out << "d\nef";
  EXPECT_EQ(out.column(), 2u);
  out.PadTo(4) << "x";
  out.PadTo(3);  // already there
  EXPECT_EQ(out.text(), "abcd\nef  x");
  out << '\n';
  EXPECT_EQ(out.column(), 0u);
}

TEST(TextWriterTest, TruncateFindsTheLineAgain) {
  TextWriter out;
  out << "one\ntwo\nthree";
  out.Truncate(6);
  EXPECT_EQ(out.text(), "one\ntw");
  EXPECT_EQ(out.column(), 2u);
  out.Truncate(100);  // nothing to forget
  EXPECT_EQ(out.text(), "one\ntw");
  out.Truncate(2);
  EXPECT_EQ(out.column(), 2u);
  out.Clear();
  EXPECT_EQ(out.text(), "");
  EXPECT_EQ(out.column(), 0u);
}

TEST(TextWriterTest, GrowsAsNeeded) {
  TextWriter out;
  std::string expected;
  for (int i = 0; i < 100000; ++i) {
    out.Decimal(i) << '\n';
    expected += std::to_string(i) + '\n';
  }
  EXPECT_EQ(out.text(), expected);
  EXPECT_FALSE(out.truncated());
}

TEST(TextWriterTest, OnePieceMayBeLargerThanTheFirstMapping) {
  TextWriter out;
  const std::string large(1 << 20, 'x');
  out << "a" << large;
  EXPECT_EQ(out.text().size(), large.size() + 1);
}

TEST(TextWriterTest, LeavesErrnoAlone) {
  errno = EBUSY;
  TextWriter out;
  out << std::string(1 << 17, 'x');
  EXPECT_EQ(errno, EBUSY);
}

}  // namespace
}  // namespace rqlockdep
