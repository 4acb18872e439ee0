#include "validator/graph/ordered_list.h"

#include <algorithm>

namespace rqlockdep {
namespace {

// Between what is appended and what was there.
constexpr uint64_t kStride = uint64_t{1} << 32;

}  // namespace

bool OrderedList::Append(uint32_t id) {
  if (!nodes_.EnsureSize(id + 1)) return false;
  InsertAfter(id, nodes_[0].previous);
  return true;
}

void OrderedList::MoveBefore(uint32_t id, uint32_t place) {
  if (nodes_[place].previous == id) return;
  Remove(id);
  InsertAfter(id, nodes_[place].previous);
}

void OrderedList::MoveAfter(uint32_t id, uint32_t place) {
  if (nodes_[place].next == id) return;
  Remove(id);
  InsertAfter(id, place);
}

void OrderedList::Remove(uint32_t id) {
  nodes_[nodes_[id].previous].next = nodes_[id].next;
  nodes_[nodes_[id].next].previous = nodes_[id].previous;
}

void OrderedList::InsertAfter(uint32_t id, uint32_t place) {
  const auto gap = [&] {
    const uint32_t next = nodes_[place].next;
    return (next == 0 ? UINT64_MAX : nodes_[next].label) - nodes_[place].label;
  };
  if (gap() < 2) SpreadAround(place);
  nodes_[id] = {nodes_[place].label + std::min(gap() / 2, kStride), place, nodes_[place].next};
  nodes_[nodes_[place].next].previous = id;
  nodes_[place].next = id;
}

void OrderedList::SpreadAround(uint32_t id) {
  ++relabelings_;
  // The neighbourhoods are the labels that agree with that of `id` but for the last `bits` bits.
  // One that is `kSparse` ^ bits full or less is sparse enough: the larger, the sparser it must be,
  // which pays for it being spread again.
  constexpr double kSparse = 1 / 1.3;
  uint32_t first = id;
  uint32_t last = id;
  uint64_t count = id == 0 ? 0 : 1;
  double size = 1;
  double most_full = 1;
  uint64_t base = nodes_[id].label;
  uint64_t step = 0;
  for (int bits = 1; bits <= 64; ++bits) {
    size *= 2;
    most_full *= kSparse;
    const uint64_t tail = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
    base = nodes_[id].label & ~tail;
    const uint64_t top = base + tail;
    while (first != 0 && nodes_[first].previous != 0 &&
           nodes_[nodes_[first].previous].label >= base) {
      first = nodes_[first].previous;
      ++count;
    }
    while (nodes_[last].next != 0 && nodes_[nodes_[last].next].label <= top) {
      last = nodes_[last].next;
      ++count;
    }
    step = tail / (count + 1);
    if (step >= 4 && static_cast<double>(count) <= size * most_full) break;
  }
  if (first == 0) first = nodes_[0].next;
  // Above `base`, which may be the label of node 0.
  uint64_t label = base;
  for (uint32_t i = first; count > 0; i = nodes_[i].next, --count) {
    label += step;
    nodes_[i].label = label;
  }
}

}  // namespace rqlockdep
