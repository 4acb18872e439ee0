#include "validator/graph/guard_set.h"

#include <algorithm>

#include "validator/core/chain_key.h"

namespace rqlockdep {

size_t GuardSets::Normalize(std::span<Guard> guards) {
  // Heap sort by way of the algorithm library: no recursion, no memory. By class, exclusive first.
  const auto before = [](Guard a, Guard b) {
    return a.class_id() != b.class_id() ? a.class_id() < b.class_id()
                                        : a.exclusive() && !b.exclusive();
  };
  std::ranges::make_heap(guards, before);
  std::ranges::sort_heap(guards, before);
  const auto same_class = [](Guard a, Guard b) { return a.class_id() == b.class_id(); };
  return static_cast<size_t>(std::unique(guards.begin(), guards.end(), same_class) -
                             guards.begin());
}

GuardSetId GuardSets::Put(std::span<const Guard> guards) {
  if (guards.empty()) return kNoGuards;
  if (guards.size() == 1 && guards[0].bits() < kSingle) return guards[0].bits() | kSingle;
  const auto hash_of = [](const auto& set) {
    uint64_t hash = kEmptyChain;
    for (const Guard guard : set) hash = MixChain(hash, guard.bits());
    return hash;
  };
  const auto same = [](Guard a, Guard b) { return a.bits() == b.bits(); };
  const uint64_t hash = hash_of(guards);
  const uint32_t* known = by_contents_.Find(
      hash, [&](GuardSetId id) { return std::ranges::equal(Get(id), guards, same); });
  if (known != nullptr) return *known;
  const std::span<Guard> copy = arena_.NewArray<Guard>(guards.size());
  const ClassId last_class = guards.back().class_id();
  if (copy.empty() || !sets_.EnsureSize(set_count_ + 1) ||
      !links_.EnsureSize(link_count_ + static_cast<uint32_t>(guards.size())) ||
      !first_with_class_.EnsureSize(last_class + 1)) {
    return kNoGuards;
  }
  if (last_class >= class_end_) class_end_ = last_class + 1;
  std::ranges::copy(guards, copy.begin());
  sets_[set_count_] = {copy.data(), static_cast<uint32_t>(copy.size())};
  const GuardSetId id = set_count_ + 1;
  if (!by_contents_.Insert(hash, id, [&](GuardSetId set) { return hash_of(Get(set)); })) {
    return kNoGuards;
  }
  ++set_count_;
  for (const Guard guard : guards) {
    links_[link_count_] = {id, first_with_class_[guard.class_id()]};
    first_with_class_[guard.class_id()] = ++link_count_;
  }
  return id;
}

GuardSpan GuardSets::Get(GuardSetId id) const {
  if (id == kNoGuards) return {};
  if (IsSingle(id)) return GuardSpan(Single(id));
  const Set& set = sets_[id - 1];
  return {set.guards, set.size};
}

bool GuardSets::IsPart(const GuardSpan& small, const GuardSpan& large) {
  size_t i = 0;
  for (const Guard guard : small) {
    while (i < large.size() && large[i].class_id() < guard.class_id()) ++i;
    if (i == large.size() || large[i].class_id() != guard.class_id()) return false;
    if (guard.exclusive() && !large[i].exclusive()) return false;
  }
  return true;
}

bool GuardSets::IsPartAsKnown(GuardSetId outer, GuardSetId inner) const {
  Answer& answer = answers_[(MixChain(outer, inner) >> 1) % kAnswers];
  if (answer.outer != outer || answer.inner != inner) {
    answer = {outer, inner, IsPart(Get(inner), Get(outer))};
  }
  return answer.contains;
}

GuardSetId GuardSets::Intersect(GuardSetId a, GuardSetId b) {
  if (a == b) return a;
  const GuardSpan one = Get(a);
  const GuardSpan other = Get(b);
  // The result lives in the arena before it is put; a merge is rare, so the loss is small.
  const std::span<Guard> both = arena_.NewArray<Guard>(std::min(one.size(), other.size()));
  size_t count = 0;
  size_t i = 0;
  for (const Guard guard : one) {
    while (i < other.size() && other[i].class_id() < guard.class_id()) ++i;
    if (i == other.size() || count == both.size()) break;
    if (other[i].class_id() == guard.class_id()) {
      both[count++] = Guard(guard.class_id(), guard.exclusive() && other[i].exclusive());
    }
  }
  return Put(both.first(count));
}

}  // namespace rqlockdep
