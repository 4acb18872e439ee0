#include "src/held_table.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {
namespace {

using Table = HeldTable<NativeAtomics>;

// On the heap, for AddressSanitizer's fake stack aligns to 32 bytes only.
class HeldTableTest : public testing::Test {
 protected:
  static constexpr uint32_t kInline = ThreadSlot::kInlineCells;

  HeldTableTest() { slot_->mark = 7; }

  // Lists an attempt on the next lock, and confirms it.
  Cell* Take() {
    const LockWord& word = *words_.emplace_back(std::make_unique<LockWord>());
    Cell* const cell = Table::Reserve(*slot_, word, [this]() -> CellChunk* {
      if (chunks_left_ == 0) return nullptr;
      --chunks_left_;
      return chunks_.emplace_back(std::make_unique<CellChunk>()).get();
    });
    if (cell == nullptr) return nullptr;
    EXPECT_EQ(cell->lock.load(), reinterpret_cast<uintptr_t>(&word) + kAttemptBit);
    cell->lock.store(reinterpret_cast<uintptr_t>(&word));
    return cell;
  }
  void Take(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) Take();
  }
  // The cell of that number among those in chunks.
  Cell& Chunked(uint32_t index) {
    return chunks_[index / CellChunk::kCells]->cells[index % CellChunk::kCells];
  }

  const std::unique_ptr<ThreadSlot> slot_ = std::make_unique<ThreadSlot>();
  std::vector<std::unique_ptr<CellChunk>> chunks_;
  std::vector<std::unique_ptr<LockWord>> words_;
  size_t chunks_left_ = 3;
};

TEST_F(HeldTableTest, FirstTheInlineCellsThenChunksUntilThereIsNoMemory) {
  for (uint32_t i = 0; i < kInline; ++i) EXPECT_EQ(Take(), &slot_->cells[i]);
  for (uint32_t i = 0; i < 3 * CellChunk::kCells; ++i) {
    Cell* const cell = Take();
    ASSERT_EQ(cell, &Chunked(i));
    EXPECT_EQ(cell->mark, slot_->mark);
    EXPECT_FALSE(Table::IsInline(*slot_, cell));
  }
  EXPECT_EQ(Take(), nullptr);
  Chunked(100).lock.store(kFreeCell);
  EXPECT_EQ(Take(), &Chunked(100));
  slot_->cells[kInline - 1].lock.store(kFreeCell);
  EXPECT_EQ(Take(), &slot_->cells[kInline - 1]);
}

TEST_F(HeldTableTest, EveryHeldLockIsFound) {
  Take(kInline + 2 * CellChunk::kCells);
  for (const auto& word : words_) {
    Cell* const cell = Table::FindHeld(*slot_, *word);
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->lock.load(), reinterpret_cast<uintptr_t>(word.get()));
  }
  // An attempt is no hold.
  slot_->cells[3].lock.fetch_add(kAttemptBit);
  EXPECT_EQ(Table::FindHeld(*slot_, *words_[3]), nullptr);
}

TEST_F(HeldTableTest, OccupiedCells) {
  EXPECT_FALSE(Table::HoldsMore(*slot_, nullptr));
  EXPECT_EQ(Table::OccupiedChunked(*slot_), 0u);
  Take(kInline + CellChunk::kCells + 5);
  slot_->cells[0].lock.store(kFreeCell);
  slot_->cells[kInline - 1].lock.store(kFreeCell);
  EXPECT_EQ(Table::OccupiedInline(*slot_), ((uint32_t{1} << (kInline - 1)) - 1) & ~uint32_t{1});
  EXPECT_EQ(Table::OccupiedChunked(*slot_), CellChunk::kCells + 5);
  for (uint32_t i = 1; i < CellChunk::kCells + 5; ++i) Chunked(i).lock.store(kFreeCell);
  EXPECT_EQ(Table::OccupiedChunked(*slot_), 1u);
  for (Cell& cell : slot_->cells) cell.lock.store(kFreeCell);
  EXPECT_TRUE(Table::HoldsMore(*slot_, nullptr));
  EXPECT_FALSE(Table::HoldsMore(*slot_, &Chunked(0)));
}

// While a wait is published, all chunked cells below a number count as held by it. A handler on top
// of it takes none of these, though one was given back before the wait.
TEST_F(HeldTableTest, AHandlerLeavesTheCellsOfTheWaitThatItInterruptsAlone) {
  Take(kInline + 10);
  Chunked(4).lock.store(kFreeCell);
  Chunked(9).lock.store(kFreeCell);
  slot_->wait.held_chunked.store(Table::OccupiedChunked(*slot_));
  slot_->wait.ticket.store(1);
  EXPECT_EQ(Take(), &Chunked(9));
  EXPECT_EQ(Take(), &Chunked(10));
  slot_->wait.ticket.store(0);
  EXPECT_EQ(Take(), &Chunked(4));
}

}  // namespace
}  // namespace rqlockdep::internal
