// The sets of classes that threads held when they asked for a lock: the guards of an observation.
//
// Each different set is kept once. A set is sorted by class; each class has the mode of its hold,
// exclusive if any hold of it was. From a class one finds all the sets that it is in, which is what
// happens when it stops being a singleton.
//
// One thread at a time (under the graph lock).
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/core/arena.h"
#include "validator/core/ids.h"
#include "validator/core/key_map.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

using GuardSetId = uint32_t;
inline constexpr GuardSetId kNoGuards = 0;  // the empty set

// One guard: a class and whether it was held exclusively.
class Guard {
 public:
  Guard() = default;
  Guard(ClassId class_id, bool exclusive)
      : bits_((uint64_t{class_id} << 1) | static_cast<uint64_t>(exclusive)) {}
  ClassId class_id() const { return static_cast<ClassId>(bits_ >> 1); }
  bool exclusive() const { return (bits_ & 1) != 0; }
  uint64_t bits() const { return bits_; }

 private:
  uint64_t bits_ = 0;
};

class GuardSets {
 public:
  // Sorts `guards` and drops double classes, in place. Returns how many are left.
  static size_t Normalize(std::span<Guard> guards);

  // The id of a normalized set. kNoGuards also when there is no memory: fewer guards can only add
  // reports.
  GuardSetId Put(std::span<const Guard> guards);

  std::span<const Guard> Get(GuardSetId id) const;

  // True if whatever `inner` keeps apart, `outer` keeps apart too: every guard of `inner` is in
  // `outer`, exclusive there if it is exclusive in `inner`.
  bool Contains(GuardSetId outer, GuardSetId inner) const;

  // The intersection, each guard with the weaker of its two modes.
  GuardSetId Intersect(GuardSetId a, GuardSetId b);

  // Calls `visit(GuardSetId)` for every set that holds `class_id`.
  template <typename Visitor>
  void ForEachWith(ClassId class_id, Visitor visit) const {
    for (uint32_t i = first_with_class_.Get(class_id, 0); i != 0; i = links_[i - 1].next) {
      visit(links_[i - 1].set);
    }
  }

 private:
  struct Set {
    const Guard* guards;
    uint32_t size;
    GuardSetId next_with_same_hash;
  };
  struct Link {
    GuardSetId set;
    uint32_t next;  // index + 1
  };

  Arena arena_;
  KeyMap by_hash_;
  KeyMap first_with_class_;
  SegmentedVector<Set> sets_;  // set i is id i + 1
  SegmentedVector<Link> links_;
  uint32_t set_count_ = 0;
  uint32_t link_count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_
