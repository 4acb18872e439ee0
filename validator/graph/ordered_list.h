// A list of numbers that tells in one comparison which of two comes first, and where any one can be
// moved to any place.
//
// Each member has a 64-bit label; labels grow along the list. What is put between two gets a label
// in the middle; where there is no room, the labels of the smallest sparse enough neighbourhood are
// spread anew (Bender, Cole, Demaine, Farach-Colton, Zito, "Two simplified algorithms for
// maintaining order in a list", 2002). Moving costs O(log n) labels on average, comparing two
// loads. 16 bytes a member.
//
// One thread at a time.
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_ORDERED_LIST_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_ORDERED_LIST_H_

#include <cstdint>

#include "validator/core/segmented_vector.h"

namespace rqlockdep {

class OrderedList {
 public:
  // Puts `id`, which is 1 or more and was never appended, at the end. False without memory.
  bool Append(uint32_t id);

  bool Before(uint32_t a, uint32_t b) const { return Label(a) < Label(b); }
  // Grows along the list; changes when something is moved.
  uint64_t Label(uint32_t id) const { return nodes_[id].label; }

  // `id` and `place` are different members.
  void MoveBefore(uint32_t id, uint32_t place);
  void MoveAfter(uint32_t id, uint32_t place);
  // Takes `id` out of the list for good.
  void Remove(uint32_t id);

  // Where the list goes on after `id`, or begins after 0; 0 at the end.
  uint32_t Next(uint32_t id) const { return nodes_[id].next; }

  // For tests: how often labels were spread anew.
  uint64_t relabelings() const { return relabelings_; }

 private:
  struct Node {
    uint64_t label;
    uint32_t previous;
    uint32_t next;
  };

  // Node 0 is both ends; its label is 0, and no other label is.
  void InsertAfter(uint32_t id, uint32_t place);
  void SpreadAround(uint32_t id);

  SegmentedVector<Node> nodes_;
  uint64_t relabelings_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_ORDERED_LIST_H_
