#include "validator/report/short_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "validator/report/prose.h"

namespace rqlockdep::report {
namespace {

std::string Name(const std::string& name, size_t max) {
  return std::string(ShortenName(name, max).view());
}

TEST(ShortenNameTest, WhatFitsStaysAsItIs) {
  EXPECT_EQ(Name("cache", 8), "cache");
  EXPECT_EQ(Name("Foo<int>::Bar(int, char)", 24), "Foo<int>::Bar(int, char)");
}

TEST(ShortenNameTest, ParametersGoFirst) {
  EXPECT_EQ(Name("Foo<int, char>::Bar(std::vector<int>, char)", 30), "Foo<int, char>::Bar(...)");
}

TEST(ShortenNameTest, ReturnTypesSayLeast) {
  EXPECT_EQ(Name("std::pair<int, int> ns::Function<int>(int)", 30), "ns::Function<int>(int)");
  EXPECT_EQ(Name("void (anonymous namespace)::Function<int>(int)", 42),
            "(anonymous namespace)::Function<int>(int)");
  EXPECT_EQ(Name("Something::Or::Other::operator bool() const", 32),
            "...::Or::Other::operator bool");
  EXPECT_EQ(Name("a lock with a name of many words", 20), "...ame of many words");
}

TEST(ShortenNameTest, ThenTemplateArguments) {
  EXPECT_EQ(Name("Foo<std::map<int, char> >::Bar(std::vector<int>, char)", 24),
            "Foo<...>::Bar(...)");
}

TEST(ShortenNameTest, ThenOuterScopes) {
  EXPECT_EQ(Name("outermost::middle::inner::Function(int, int)", 32),
            "...::middle::inner::Function");
  EXPECT_LE(Name(std::string(500, 'x'), 20).size(), 20u);
}

TEST(ShortenNameTest, ThenBothGo) {
  EXPECT_EQ(Name("Table<std::map<int, char> >::Insert(std::vector<int>) const", 16),
            "Table::Insert");
}

TEST(ShortenNameTest, OperatorsAreNoBrackets) {
  EXPECT_EQ(Name("operator<<(std::ostream&, Something const&)", 20), "operator<<(...)");
  EXPECT_EQ(Name("Functor::operator()(int, int, int) const", 32), "Functor::operator()(...) const");
  EXPECT_EQ(Name("Pointer<Something>::operator->(int, int)", 34), "Pointer<...>::operator->(...)");
}

TEST(ShortenNameTest, KeepsTheAnonymousNamespace) {
  EXPECT_EQ(Name("(anonymous namespace)::Run(int, int, int)", 36),
            "(anonymous namespace)::Run(...)");
}

TEST(ShortenNameTest, NeverWiderThanAsked) {
  const std::string name =
      "a::(anonymous namespace)::B<c<d(e, f)>, (g)>::operator<(h, i<j>) const::{lambda(k)#1}";
  for (size_t size = 1; size <= name.size(); ++size) {
    for (size_t max = 8; max < 60; ++max) {
      EXPECT_LE(Name(name.substr(0, size), max).size(), max);
      EXPECT_LE(Name(name.substr(name.size() - size), max).size(), max);
    }
  }
}

TEST(ShortenPathTest, KeepsTheEndFromAFolderOn) {
  EXPECT_EQ(ShortenPath("src/a.cc", 8).view(), "src/a.cc");
  EXPECT_EQ(ShortenPath("/very/long/path/to/src/a.cc", 16).view(), ".../to/src/a.cc");
}

TEST(ShortenMiddleTest, KeepsBothEnds) {
  EXPECT_EQ(ShortenMiddle("thread 3 (a-long-name)", 12).view(), "threa...ame)");
}

TEST(ShortenMiddleTest, DoesNotCutACharacter) {
  const std::string text = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";
  for (size_t max = 8; max < text.size(); ++max) {
    const Label label = ShortenMiddle(text, max);
    EXPECT_EQ(label.view().find("...") % 2, 0u);
    EXPECT_EQ((label.size() - 3) % 2, 0u);
  }
}

TEST(LabelTest, ControlCharactersCannotBreakALine) {
  EXPECT_EQ(Label("a\nb\tc\x7f").view(), "a?b?c?");
}

TEST(ProseTest, BreaksAtBlanks) {
  TextWriter out;
  {
    Prose text(out, 2, 4);
    for (int i = 0; i < 40; ++i)
      text << "word"
           << " ";
  }
  EXPECT_EQ(out.text().substr(0, 7), "  word ");
  EXPECT_NE(out.text().find("word\n    word"), std::string_view::npos);
  EXPECT_TRUE(out.text().ends_with("word\n"));
}

TEST(ProseTest, BreaksAWordThatIsWiderThanThePage) {
  TextWriter out;
  Prose(out, 2, 4) << std::string(300, 'x') << " y";
  size_t widest = 0;
  size_t begin = 0;
  for (size_t end; (end = out.text().find('\n', begin)) != std::string_view::npos;
       begin = end + 1) {
    widest = std::max(widest, end - begin);
  }
  EXPECT_LE(widest, kPageColumns);
}

TEST(ProseTest, EmptyTextIsNoLine) {
  TextWriter out;
  Prose(out, 2, 2) << "  ";
  EXPECT_EQ(out.text(), "");
}

}  // namespace
}  // namespace rqlockdep::report
