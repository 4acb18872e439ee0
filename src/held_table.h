// The table of the locks that a thread holds or attempts: operations on the cells of a slot.
//
// The cells and their states are described in rqlockdep/internal/thread_slot.h. These functions are
// for the slot's own thread, and for signal handlers on it, unless they say otherwise. None blocks.
// Linear in the cells, of which there are 31 before the first chunk.
#ifndef RQLOCKDEP_SRC_HELD_TABLE_H_
#define RQLOCKDEP_SRC_HELD_TABLE_H_

#include <bit>
#include <cstdint>

#include "rqlockdep/internal/fast_path.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"

namespace rqlockdep::internal {

template <class Atomics>
class HeldTable {
 public:
  using Word = BasicLockWord<Atomics>;
  using Slot = BasicThreadSlot<Atomics>;
  using Cell = BasicCell<Atomics>;
  using Chunk = BasicCellChunk<Atomics>;

  // Lists an attempt on `word` in a free cell. Null if all are taken and `new_chunk`, which returns
  // a fresh Chunk or null, has no memory.
  template <class NewChunk>
  static Cell* Reserve(Slot& slot, const Word& word, NewChunk new_chunk) {
    const uintptr_t attempt = FastPath<Atomics>::AddressOf(word) + kAttemptBit;
    for (Cell& cell : slot.cells) {
      // Relaxed, here and below: this thread's own cells. A handler that comes in between the load
      // and the store uses the cell too, and frees it before we go on.
      if (cell.lock.load(std::memory_order_relaxed) == kFreeCell) {
        cell.lock.store(attempt, std::memory_order_relaxed);
        return &cell;
      }
    }
    // While a wait is published, all chunked cells below held_chunked count as held by it.
    uint32_t first = 0;
    if (slot.wait.ticket.load(std::memory_order_relaxed) != 0) {
      first = slot.wait.held_chunked.load(std::memory_order_relaxed);
    }
    uint32_t index = 0;
    auto* link = &slot.more_cells;
    for (;;) {
      Chunk* chunk = link->load(std::memory_order_relaxed);
      if (chunk == nullptr) {
        chunk = new_chunk();
        if (chunk == nullptr) return nullptr;
        for (Cell& cell : chunk->cells) cell.mark = slot.mark;
        Chunk* already = nullptr;
        // Release: readers on other threads follow the link (acquire, in AtEachCell) to initialised
        // cells. A handler may have linked a chunk meanwhile; then ours is lost, which is rare and
        // harmless.
        if (!link->compare_exchange_strong(already, chunk, std::memory_order_release,
                                           std::memory_order_relaxed)) {
          chunk = already;
        }
      }
      for (Cell& cell : chunk->cells) {
        if (index++ >= first && cell.lock.load(std::memory_order_relaxed) == kFreeCell) {
          cell.lock.store(attempt, std::memory_order_relaxed);
          return &cell;
        }
      }
      link = &chunk->next;
    }
  }

  // All that follow read relaxed: this thread's own cells, or (HoldsMore) those of a thread that
  // has ended.
  //
  // The cell that says that `word` is held, or null.
  static Cell* FindHeld(Slot& slot, const Word& word) {
    const uintptr_t address = FastPath<Atomics>::AddressOf(word);
    return Find(slot, [&](const Cell& cell) {
      return cell.lock.load(std::memory_order_relaxed) == address;
    });
  }

  // Whether any cell but `except` is occupied.
  static bool HoldsMore(Slot& slot, const Cell* except) {
    return Find(slot, [&](const Cell& cell) {
             return &cell != except && cell.lock.load(std::memory_order_relaxed) != kFreeCell;
           }) != nullptr;
  }

  // A bit for each occupied inline cell.
  static uint32_t OccupiedInline(Slot& slot) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < Slot::kInlineCells; ++i) {
      if (slot.cells[i].lock.load(std::memory_order_relaxed) != kFreeCell) bits |= uint32_t{1} << i;
    }
    return bits;
  }

  // One more than the number of the last occupied chunked cell.
  static uint32_t OccupiedChunked(Slot& slot) {
    uint32_t end = 0;
    AtEachChunkedCell(slot, [&](const Cell& cell, uint32_t index) {
      if (cell.lock.load(std::memory_order_relaxed) != kFreeCell) end = index + 1;
      return false;
    });
    return end;
  }

  // Calls visit(cell) for all cells.
  template <class Visit>
  static void AtEachCell(Slot& slot, Visit visit) {
    Find(slot, [&](Cell& cell) {
      visit(cell);
      return false;
    });
  }

  static bool IsInline(const Slot& slot, const Cell* cell) {
    return cell >= &slot.cells[0] && cell < &slot.cells[Slot::kInlineCells];
  }

  // Calls visit(cell, number) for the chunked cells until it returns true. For any thread.
  template <class Visit>
  static Cell* AtEachChunkedCell(Slot& slot, Visit visit) {
    uint32_t index = 0;
    // Acquire: pairs with the release that linked the chunk.
    for (Chunk* chunk = slot.more_cells.load(std::memory_order_acquire); chunk != nullptr;
         chunk = chunk->next.load(std::memory_order_acquire)) {
      for (Cell& cell : chunk->cells) {
        if (visit(cell, index++)) return &cell;
      }
    }
    return nullptr;
  }

 private:
  template <class Matches>
  static Cell* Find(Slot& slot, Matches matches) {
    for (Cell& cell : slot.cells) {
      if (matches(cell)) return &cell;
    }
    return AtEachChunkedCell(slot, [&](Cell& cell, uint32_t) { return matches(cell); });
  }
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_HELD_TABLE_H_
