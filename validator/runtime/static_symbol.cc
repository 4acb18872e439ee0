#include "validator/runtime/static_symbol.h"

#include <algorithm>
#include <bitset>

namespace rqlockdep {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kWindow = size_t{64} << 10;  // how much of a variable is searched

// A LockMap begins with what the validator writes (class id, asked subclasses). Then comes the key,
// null in the locks that are looked for, and four bytes of what the compiler made constant: the
// type of the key, the kind and the hints. The rest is padding, where a lock may keep its own
// state.
constexpr size_t kMapWords = 3;
constexpr size_t kKeyOffset = 8;
constexpr size_t kConstantOffset = 16;
static_assert(sizeof(hooks::LockMap) == kMapWords * kWord && alignof(hooks::LockMap) == kWord);

// The memory belongs to the program, which may be writing to it: whatever is read, it only makes a
// candidate. Sanitizers need not hear of it.
template <typename Integer>
__attribute__((no_sanitize("address"), no_sanitize("thread"))) Integer Read(uintptr_t address) {
  return *reinterpret_cast<const volatile Integer*>(address);
}

// Of a lock whose constructor was forgotten, the validator fills in the kind: that does not count.
uint32_t LooksOf(uintptr_t lock) {
  static_assert(static_cast<int>(hooks::LockMap::KeyType::kUnconstructed) == 0);
  const bool constructed = Read<uint8_t>(lock + kConstantOffset) != 0;  // the type of the key
  return constructed ? Read<uint32_t>(lock + kConstantOffset) : 0;
}

bool LooksLike(uintptr_t candidate, uint32_t looks) {
  return LooksOf(candidate) == looks && Read<uint64_t>(candidate + kKeyOffset) == 0;
}

// Rule 3. The neighbours at the smallest distance that has one, followed down to the first.
size_t FirstOfRun(uintptr_t lock, const ElfSymbol& symbol) {
  const uint32_t looks = LooksOf(lock);
  const uintptr_t end = symbol.address + symbol.size;
  const size_t limit = std::min(symbol.size, kWindow);
  for (size_t distance = sizeof(hooks::LockMap); distance < limit; distance += kWord) {
    const bool below = lock - symbol.address >= distance && LooksLike(lock - distance, looks);
    const bool above =
        end - lock >= distance + sizeof(hooks::LockMap) && LooksLike(lock + distance, looks);
    if (!below && !above) continue;
    uintptr_t first = lock;
    while (first - symbol.address >= distance && LooksLike(first - distance, looks)) {
      first -= distance;
    }
    return first - symbol.address;
  }
  return lock - symbol.address;
}

}  // namespace

StaticSymbols::Layout StaticSymbols::Search(uintptr_t lock, const ElfSymbol& symbol) {
  Layout layout = {symbol.address, LooksOf(lock), symbol.name, false, 0};
  const size_t words = std::min(symbol.size, kWindow) / kWord;
  std::bitset<kWindow / kWord> locks;
  size_t first = words;
  size_t count = 0;
  for (size_t i = 0; i + kMapWords <= words; ++i) {
    if (!LooksLike(symbol.address + i * kWord, layout.looks)) continue;
    locks.set(i);
    first = std::min(first, i);
    ++count;
  }
  // A variable so large that its first locks are beyond the window stays without a layout.
  if (count == 0) return layout;
  if (count == 1) {
    layout.is_lock_array = first == 0;
    return layout;
  }
  for (size_t period = kMapWords; period * 2 <= words; ++period) {
    if (first + period >= words || !locks.test(first + period) ||
        symbol.size % (period * kWord) != 0) {
      continue;
    }
    bool repeats = true;
    for (size_t i = 0; repeats && i + period + kMapWords <= words; ++i) {
      repeats = locks.test(i) == locks.test(i + period);
    }
    if (!repeats) continue;
    const size_t elements = symbol.size / (period * kWord);
    // The period is the smallest, so there is one lock in it if the second lock begins the next.
    size_t next = first + 1;
    while (!locks.test(next)) ++next;
    layout.is_lock_array = first == 0 && next == period;
    if (elements >= kMinElements) layout.element = period * kWord * (elements % 2 == 0 ? 2 : 1);
    return layout;
  }
  return layout;
}

const StaticSymbols::Layout& StaticSymbols::LayoutOf(uintptr_t lock, const ElfSymbol& symbol) {
  Layout& layout = layouts_[(symbol.address >> 3) % kLayouts];
  if (layout.variable != symbol.address || layout.name != symbol.name ||
      layout.looks != LooksOf(lock)) {
    layout = Search(lock, symbol);
  }
  return layout;
}

bool StaticSymbols::Find(const hooks::LockMap& map, ElfSymbol* symbol, size_t* offset) {
  const auto lock = reinterpret_cast<uintptr_t>(&map);
  if (!FindSymbol(lock, SymbolType::kVariable, symbol)) return false;
  *offset = lock - symbol->address;
  using KeyType = hooks::LockMap::KeyType;
  const bool constant =
      map.key_type() == KeyType::kNone || map.key_type() == KeyType::kUnconstructed;
  if (!constant || symbol->address % kWord != 0 ||
      symbol->size - *offset < sizeof(hooks::LockMap)) {
    return true;
  }
  if (map.in_array_template()) {
    *offset = FirstOfRun(lock, *symbol);
    return true;
  }
  if (LooksOf(lock) == 0) {
    *offset = 0;
    return true;
  }
  const Layout& layout = LayoutOf(lock, *symbol);
  if (!map.in_function() && layout.is_lock_array) {
    *offset = 0;
  } else if (layout.element != 0) {
    *offset %= layout.element;
  }
  return true;
}

}  // namespace rqlockdep
