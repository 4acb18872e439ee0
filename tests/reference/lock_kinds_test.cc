// What follows from a lock's kind: the table "Locks" of docs/trace-format.md, read from there, is
// what the validator's functions and the model's have to say.
#include "validator/checks/lock_kinds.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_lock_kinds.h"
#include "validator/trace/trace_words.h"

namespace rqlockdep {
namespace {

using Cells = std::vector<std::string>;

// Each kind's row: its own name, what a plain acquire is, what `read` means, outer and inner rank.
std::map<LockKind, Cells> RowsOfThePage() {
  std::ifstream page("docs/trace-format.md");
  std::map<LockKind, Cells> rows;
  std::string line;
  bool in_table = false;
  while (std::getline(page, line)) {
    if (absl::StartsWith(line, "| kind |")) in_table = true;
    if (!absl::StartsWith(line, "|")) in_table = false;
    if (!in_table || !absl::StartsWith(line, "| `")) continue;
    Cells cells = absl::StrSplit(line, '|');
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    const Cells names = absl::StrSplit(absl::StrReplaceAll(cells.at(1), {{"`", ""}}), ", ");
    // "outer R; inner R, R, ..." in the order of the names, or one rank for both.
    const std::vector<std::string> ranks = absl::StrSplit(cells.at(4), "; inner ");
    for (size_t i = 0; i < names.size(); ++i) {
      const auto kind = ValueOf<LockKind>(kLockKindWords, names[i]);
      EXPECT_TRUE(kind.has_value()) << names[i];
      if (!kind) continue;
      std::string outer = ranks.at(0);
      std::string inner = outer;
      if (ranks.size() == 2) {
        outer = absl::StrReplaceAll(outer, {{"outer ", ""}});
        inner = Cells(absl::StrSplit(ranks[1], ", ")).at(i);
      }
      EXPECT_TRUE(
          rows.emplace(*kind, Cells{names[i], cells.at(2), cells.at(3), outer, inner}).second)
          << names[i];
    }
  }
  return rows;
}

// docs/semantics.md, section 6.
int RankOfWord(const std::string& word) {
  static const auto* const ranks = new std::map<std::string, int>{
      {"none", 0}, {"unchanged", 0}, {"free", 1}, {"spin", 2}, {"adaptive", 3}, {"sleep", 4}};
  return ranks->at(word);
}

struct ReadModes {
  LockMode outside;
  LockMode inside;
};
const ReadModes* ReadModesOfWords(const std::string& words) {
  static const auto* const modes = new std::map<std::string, ReadModes>{
      {"recursive reader", {LockMode::kRecursiveReader, LockMode::kRecursiveReader}},
      {"(always)", {LockMode::kRecursiveReader, LockMode::kRecursiveReader}},
      {"reader", {LockMode::kReader, LockMode::kReader}},
      {"reader; recursive inside a context", {LockMode::kReader, LockMode::kRecursiveReader}}};
  const auto found = modes->find(words);
  return found == modes->end() ? nullptr : &found->second;
}

class LockKindsTest : public ::testing::Test {
 protected:
  // Calls `check(kind, row)` for all kinds.
  template <typename Check>
  void ForEach(Check check) {
    const std::map<LockKind, Cells> rows = RowsOfThePage();
    ASSERT_EQ(rows.size(), static_cast<size_t>(kLockKindCount));
    for (const auto& [kind, row] : rows) {
      SCOPED_TRACE(row[0]);
      check(kind, row);
    }
  }
};

TEST_F(LockKindsTest, Ranks) {
  ForEach([](LockKind kind, const Cells& row) {
    const int outer = RankOfWord(row[3]);
    const int inner = RankOfWord(row[4]);
    EXPECT_EQ(OuterRank(kind), outer);
    EXPECT_EQ(InnerRank(kind), inner);
    EXPECT_EQ(reference::OuterRank(kind), outer);
    EXPECT_EQ(reference::InnerRank(kind), inner);
  });
}

TEST_F(LockKindsTest, Readers) {
  ForEach([](LockKind kind, const Cells& row) {
    const ReadModes* const modes = ReadModesOfWords(row[2]);
    ASSERT_EQ(modes == nullptr, row[2] == "-") << row[2];
    if (modes == nullptr) return;
    EXPECT_EQ(SharedMode(kind, false), modes->outside);
    EXPECT_EQ(SharedMode(kind, true), modes->inside);
    EXPECT_EQ(reference::ModeOf(kind, true, false), modes->outside);
    EXPECT_EQ(reference::ModeOf(kind, true, true), modes->inside);
    const LockMode without = row[2] == "(always)" ? modes->outside : LockMode::kExclusive;
    EXPECT_EQ(reference::ModeOf(kind, false, false), without);
  });
}

TEST_F(LockKindsTest, WhatAPlainAcquireIs) {
  ForEach([](LockKind kind, const Cells& row) {
    const std::string& acquire = row[1];
    const bool checked = !absl::StrContains(acquire, "not checked for order");
    const bool waits = acquire == "blocking" || acquire == "resilient";
    EXPECT_TRUE(waits || !checked || absl::StrContains(acquire, "never waits")) << acquire;
    EXPECT_EQ(IsChecked(kind), checked);
    EXPECT_EQ(IsRealLock(kind), waits);
    EXPECT_EQ(reference::IsSection(kind), !checked);
    EXPECT_EQ(reference::NeverWaits(kind), !waits);
    EXPECT_EQ(reference::KeepsOthersAway(kind), waits);
    EXPECT_EQ(reference::PlainStrength(kind),
              acquire == "resilient" ? Strength::kResilient : Strength::kBlocking);
  });
}

}  // namespace
}  // namespace rqlockdep
