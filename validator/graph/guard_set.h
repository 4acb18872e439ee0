// The sets of classes that threads held when they asked for a lock: the guards of an observation.
//
// Each different set is kept once. A set is sorted by class; each class has the mode of its hold,
// exclusive if any hold of it was. From a class one finds all the sets that it is in, which is what
// happens when it stops being a singleton. The id of a set of one, the most frequent by far, is the
// guard itself: it takes no memory.
//
// One thread at a time (under the graph lock).
#ifndef RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_
#define RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "validator/core/arena.h"
#include "validator/core/id_table.h"
#include "validator/core/ids.h"
#include "validator/core/segmented_vector.h"

namespace rqlockdep {

using GuardSetId = uint32_t;
inline constexpr GuardSetId kNoGuards = 0;  // the empty set

// One guard: a class and whether it was held exclusively.
class Guard {
 public:
  Guard() = default;
  Guard(ClassId class_id, bool exclusive)
      : bits_((class_id << 1) | static_cast<uint32_t>(exclusive)) {}
  static Guard FromBits(uint32_t bits) {
    Guard guard;
    guard.bits_ = bits;
    return guard;
  }
  ClassId class_id() const { return bits_ >> 1; }  // two thousand million classes will do
  bool exclusive() const { return (bits_ & 1) != 0; }
  uint32_t bits() const { return bits_; }

 private:
  uint32_t bits_ = 0;
};

// The guards of one set. Cheap to copy; valid as long as the GuardSets.
class GuardSpan {
 public:
  GuardSpan() = default;
  explicit GuardSpan(Guard only) : size_(1), only_(only) {}
  GuardSpan(const Guard* guards, uint32_t size) : guards_(guards), size_(size) {}
  const Guard* begin() const { return guards_ == nullptr ? &only_ : guards_; }
  const Guard* end() const { return begin() + size_; }
  size_t size() const { return size_; }
  Guard operator[](size_t index) const { return begin()[index]; }

 private:
  const Guard* guards_ = nullptr;
  uint32_t size_ = 0;
  Guard only_;
};

class GuardSets {
 public:
  // Sorts `guards` and drops double classes, in place. Returns how many are left.
  static size_t Normalize(std::span<Guard> guards);

  // The id of a normalized set. kNoGuards also when there is no memory: fewer guards can only add
  // reports.
  GuardSetId Put(std::span<const Guard> guards);

  GuardSpan Get(GuardSetId id) const;

  // A set of one guard, which Single returns. The other sets that are not empty are numbered from
  // 1.
  static bool IsSingle(GuardSetId id) { return (id & kSingle) != 0; }
  static Guard Single(GuardSetId id) { return Guard::FromBits(id & ~kSingle); }

  // True if whatever `inner` keeps apart, `outer` keeps apart too: every guard of `inner` is in
  // `outer`, exclusive there if it is exclusive in `inner`.
  bool Contains(GuardSetId outer, GuardSetId inner) const {
    if (outer == inner || inner == kNoGuards) return true;
    const GuardSpan large = Get(outer);
    const GuardSpan small = Get(inner);
    if (small.size() > large.size()) return false;
    constexpr size_t kLarge = 16;
    return small.size() < kLarge ? IsPart(small, large) : IsPartAsKnown(outer, inner);
  }

  // The intersection, each guard with the weaker of its two modes.
  GuardSetId Intersect(GuardSetId a, GuardSetId b);

  // Calls `visit(GuardSetId)` for every set of several guards that holds `class_id`.
  template <typename Visitor>
  void ForEachWith(ClassId class_id, Visitor visit) const {
    if (class_id >= class_end_) return;
    for (uint32_t i = first_with_class_[class_id]; i != 0; i = links_[i - 1].next) {
      visit(links_[i - 1].set);
    }
  }

 private:
  static bool IsPart(const GuardSpan& small, const GuardSpan& large);
  bool IsPartAsKnown(GuardSetId outer, GuardSetId inner) const;

  static constexpr GuardSetId kSingle = GuardSetId{1} << 31;

  struct Set {
    const Guard* guards;
    uint32_t size;
  };
  struct Link {
    GuardSetId set;
    uint32_t next;  // index + 1
  };

  Arena arena_;
  // What Contains found of large sets lately: with thousands of locks held, a thread asks it of
  // the same sets again and again.
  struct Answer {
    GuardSetId outer = kNoGuards;
    GuardSetId inner = kNoGuards;
    bool contains = false;
  };
  static constexpr size_t kAnswers = 4096;

  IdTable by_contents_;
  mutable Answer answers_[kAnswers];
  SegmentedVector<uint32_t> first_with_class_;  // index + 1 of a link
  SegmentedVector<Set> sets_;                   // set i is id i + 1
  SegmentedVector<Link> links_;
  uint32_t set_count_ = 0;
  uint32_t link_count_ = 0;
  ClassId class_end_ = 0;  // of first_with_class_
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_GRAPH_GUARD_SET_H_
