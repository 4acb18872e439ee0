// A growing set of addresses, each with one bit, that any thread and any signal handler may use at
// any time.
//
// A chain of open-addressing tables, each twice as large as the one before: a table that is three
// quarters full stays as it is and a larger one is added. Nothing is ever removed. An entry is one
// atomic word, so there is nothing to lock and nothing to wait for. Two threads that add the same
// address at the same moment may leave it in two tables; that only costs a slot.
// Cost: a lookup is one probe or two, times the number of tables (10 for 2.6 million
// addresses). Memory comes from mmap; without memory an address is not kept.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_ADDRESS_SET_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_ADDRESS_SET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "validator/core/arena.h"

namespace rqlockdep {

class AddressSet {
 public:
  constexpr AddressSet() = default;
  AddressSet(const AddressSet&) = delete;
  AddressSet& operator=(const AddressSet&) = delete;

  // True if `address` is known; then `*bit` is what Add was given for it.
  bool Find(uintptr_t address, bool* bit) const {
    // Acquire: pairs with the release store of a table's pointer in Grow. The words need no order:
    // each says all there is to say.
    const Table* table = newest_.load(std::memory_order_acquire);
    for (; table != nullptr; table = table->previous) {
      for (size_t i = Hash(address);; ++i) {
        const uintptr_t word = table->slots[i & table->mask].load(std::memory_order_relaxed);
        if (word == 0) break;
        if (word >> 1 == address) {
          *bit = (word & 1) != 0;
          return true;
        }
      }
    }
    return false;
  }

  // `address` is not 0 and less than 2^63, as all in user space are.
  void Add(uintptr_t address, bool bit) {
    Table* table = newest_.load(std::memory_order_acquire);
    if (table == nullptr || table->used.load(std::memory_order_relaxed) > table->mask / 4 * 3) {
      table = Grow(table);
      if (table == nullptr) return;
    }
    const uintptr_t word = address << 1 | (bit ? 1 : 0);
    // Counted before it is stored, and more than a quarter of the slots stay empty for those that
    // counted at the same moment: so a table never gets full and every search ends.
    if (table->used.fetch_add(1, std::memory_order_relaxed) >= table->mask - table->mask / 8)
      return;
    for (size_t i = Hash(address);; ++i) {
      uintptr_t expected = 0;
      if (table->slots[i & table->mask].compare_exchange_strong(expected, word,
                                                                std::memory_order_relaxed) ||
          expected >> 1 == address) {
        return;
      }
    }
  }

 private:
  struct Table {
    Table* previous;
    size_t mask;
    std::atomic<size_t> used;
    std::atomic<uintptr_t> slots[1];  // mask + 1 of them
  };
  static constexpr size_t kFirstSize = 4096;

  static size_t Hash(uintptr_t address) {
    return static_cast<size_t>((address * 0x9e3779b97f4a7c15u) >> 32);
  }

  Table* Grow(Table* newest) {
    const size_t size = newest == nullptr ? kFirstSize : (newest->mask + 1) * 2;
    const size_t bytes = sizeof(Table) + size * sizeof(std::atomic<uintptr_t>);
    void* memory = MapMemory(bytes);  // zeroed, which is what empty slots are
    if (memory == nullptr) return newest;
    auto* table = static_cast<Table*>(memory);
    table->previous = newest;
    table->mask = size - 1;
    if (newest_.compare_exchange_strong(newest, table, std::memory_order_acq_rel)) return table;
    UnmapMemory(memory, bytes);  // another thread was faster
    return newest;
  }

  std::atomic<Table*> newest_{nullptr};
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_ADDRESS_SET_H_
