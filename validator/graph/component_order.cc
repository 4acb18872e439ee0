#include "validator/graph/component_order.h"

#include <algorithm>

#include "validator/graph/dependency_graph.h"

// Why the invariant holds after an edge v -> w with w before v in the order.
//
// F is what was reached forward from w, B backward from v. A component is live while it has arcs
// that were not looked at. Only those up to v, or from w on, are kept: the others are beyond.
//
// No cycle: the search ends when no live x in F comes before any live y in B. Let t be the first
// live component in F, or v if there is none before v. F< is what of F comes before t, B> what of B
// comes after t. All of F< is dead, so what it leads to is in F (or beyond v). All of B> is dead if
// t is live (a live one would come after t), so whatever leads to it is in B (or beyond w); if
// t = v, B> is empty. The new order has B>, then F<, both in their old order, directly before t; if
// t = v, F< directly after v. F and B have nothing in common. Take an edge a -> b between different
// components, a before b in the old order.
//   - Neither or both in F<, or neither or both in B>, and none in the other: as before, for what
//     stays keeps its order and the blocks go to one place.
//   - a in F<: b is in F or beyond v, so in F< or not before t. If b is in B>, b is in B: then F
//   and
//     B have b in common, which was found to be a cycle.
//   - b in F<, a not: a comes before b, so before t, so a is not in B> and stays before the block.
//   - b in B>, a not: a is in B or before w. If a is in B it comes before t (t itself is in F) and
//     stays before the block; before w as well. a is not in F<: it is in B.
//   - a in B>, b not: b comes after a, so after t; it is not in F<, and stays after the block.
// And the new edge: if t = v, w is in F< (it is dead: all of F is) and comes after v. Else v is in
// B> (t comes before it), and w is t or in F<.
//
// A cycle: S is everything in the region from w to v that is reached forward from w, or everything
// there that reaches v, whichever search ends first. The ring R is what of S lies on a path from w
// to v: every such path is within the region, because every old edge goes along the order. R
// becomes one component: all of it, and nothing else, reaches and is reached by all of it over the
// new edge. If S was reached forward, R takes the place of v and S without R moves directly after
// it. An edge a -> b: from R to outside, b is in S (and moves behind) or beyond v. Into R from
// outside, a is not in S (else it would be in R), so it stays, before v. From S without R, b is in
// S without R (else a would be in R), or beyond v. Into S without R from outside S, a stays before
// v or is in R. The other way round it is the mirror image.

namespace rqlockdep {

bool ComponentOrder::AddClass(ClassId id) {
  if (id <= last_class_) return true;  // an earlier attempt to make it failed elsewhere
  if (!nodes_.EnsureSize(id + 1) || !order_.Append(id)) return false;
  nodes_[id] = {id, id, 1, 0, 0};
  last_class_ = id;
  return true;
}

void ComponentOrder::AddStrengths(ClassId from, ClassId to, uint8_t strengths) {
  const ClassId component = ComponentOf(from);
  if (component == ComponentOf(to)) nodes_[component].strengths |= strengths;
}

void ComponentOrder::AddEdge(ClassId from, ClassId to) {
  if (gave_up_) return;
  const ClassId v = ComponentOf(from);
  const ClassId w = ComponentOf(to);
  if (v == w || order_.Before(v, w)) return;
  const Outcome outcome = Search(v, w);
  if (outcome == Outcome::kOrdered) Reorder(v);
  Forget(forward_);
  Forget(backward_);
  if (outcome == Outcome::kCycle) MergeRing(v, w);
  if (outcome == Outcome::kNoMemory) GiveUp();
}

void ComponentOrder::Forget(GrowingArray<ClassId>& reached) {
  for (const ClassId component : reached) nodes_[component].sides = 0;
}

void ComponentOrder::GiveUp() { gave_up_ = true; }

// --- Arcs: the edges of all classes of a component that leave it ---------------------------------

ComponentOrder::Visit ComponentOrder::Begin(ClassId component, Side side) const {
  const ClassNode& node = graph_.Class(component);
  return {component, component, side == kForward ? node.first_out : node.first_in};
}

bool ComponentOrder::NextArc(Visit& visit, Side side, Arc* arc) {
  for (;;) {
    while (visit.edge == kNoEdge) {
      visit.member = nodes_[visit.member].next_member;
      if (visit.member == visit.component) return false;
      const ClassNode& node = graph_.Class(visit.member);
      visit.edge = side == kForward ? node.first_out : node.first_in;
    }
    ++arcs_looked_at_;
    const EdgeId id = visit.edge;
    const Edge& edge = graph_.GetEdge(id);
    visit.edge = side == kForward ? edge.next_out : edge.next_in;
    const ClassId other = ComponentOf(side == kForward ? edge.to : edge.from);
    if (other == visit.component) continue;
    *arc = side == kForward ? Arc{visit.component, other, id} : Arc{other, visit.component, id};
    return true;
  }
}

// --- The two-way search --------------------------------------------------------------------------

// Notes that the search has come to `component`, unless it is beyond `limit`.
bool ComponentOrder::Reach(ClassId component, Side side, GrowingArray<Visit>& live, ClassId limit) {
  const bool forward = side == kForward;
  const bool within = forward ? order_.Before(component, limit) : order_.Before(limit, component);
  if (!within && component != limit) return true;
  GrowingArray<ClassId>& reached = forward ? forward_ : backward_;
  if (!reached.PushBack(component)) return false;
  nodes_[component].sides |= side;
  if (!live.PushBack(Begin(component, side))) return false;
  std::push_heap(live.begin(), live.end(), [&](const Visit& a, const Visit& b) {
    return forward ? order_.Before(b.component, a.component)
                   : order_.Before(a.component, b.component);
  });
  return true;
}

ComponentOrder::Outcome ComponentOrder::StepForward(ClassId limit) {
  Arc arc;
  if (!NextArc(forward_live_.front(), kForward, &arc)) {
    std::pop_heap(forward_live_.begin(), forward_live_.end(), [&](const Visit& a, const Visit& b) {
      return order_.Before(b.component, a.component);
    });
    forward_live_.PopBack();
    return Outcome::kOrdered;
  }
  if ((nodes_[arc.to].sides & kBackward) != 0) return Outcome::kCycle;
  if (nodes_[arc.to].sides != 0) return Outcome::kOrdered;
  return Reach(arc.to, kForward, forward_live_, limit) ? Outcome::kOrdered : Outcome::kNoMemory;
}

ComponentOrder::Outcome ComponentOrder::StepBackward(ClassId limit) {
  Arc arc;
  if (!NextArc(backward_live_.front(), kBackward, &arc)) {
    std::pop_heap(
        backward_live_.begin(), backward_live_.end(),
        [&](const Visit& a, const Visit& b) { return order_.Before(a.component, b.component); });
    backward_live_.PopBack();
    return Outcome::kOrdered;
  }
  if ((nodes_[arc.from].sides & kForward) != 0) return Outcome::kCycle;
  if (nodes_[arc.from].sides != 0) return Outcome::kOrdered;
  return Reach(arc.from, kBackward, backward_live_, limit) ? Outcome::kOrdered : Outcome::kNoMemory;
}

ComponentOrder::Outcome ComponentOrder::Search(ClassId from, ClassId to) {
  forward_.Clear();
  backward_.Clear();
  forward_live_.Clear();
  backward_live_.Clear();
  if (!Reach(to, kForward, forward_live_, from) || !Reach(from, kBackward, backward_live_, to)) {
    return Outcome::kNoMemory;
  }
  while (!forward_live_.empty() && !backward_live_.empty() &&
         order_.Before(forward_live_.front().component, backward_live_.front().component)) {
    Outcome outcome = StepForward(from);
    if (outcome == Outcome::kOrdered) outcome = StepBackward(to);
    if (outcome != Outcome::kOrdered) return outcome;
  }
  return Outcome::kOrdered;
}

void ComponentOrder::Reorder(ClassId from) {
  // Heap sort: no recursion, no memory.
  const auto sort = [&](GrowingArray<ClassId>& list) {
    const auto before = [&](ClassId a, ClassId b) { return order_.Before(a, b); };
    std::make_heap(list.begin(), list.end(), before);
    std::sort_heap(list.begin(), list.end(), before);
  };
  sort(forward_);
  sort(backward_);
  const bool none_live = forward_live_.empty();
  const ClassId t = none_live ? from : forward_live_.front().component;
  // What moves is decided before anything moves.
  size_t first_of_b = 0;
  while (first_of_b < backward_.size() && !order_.Before(t, backward_[first_of_b])) ++first_of_b;
  size_t end_of_f = 0;
  while (end_of_f < forward_.size() && order_.Before(forward_[end_of_f], t)) ++end_of_f;
  if (none_live) {
    for (size_t i = end_of_f; i-- > 0;) order_.MoveAfter(forward_[i], from);
    return;
  }
  for (size_t i = first_of_b; i < backward_.size(); ++i) order_.MoveBefore(backward_[i], t);
  for (size_t i = 0; i < end_of_f; ++i) order_.MoveBefore(forward_[i], t);
}

// --- Rings ---------------------------------------------------------------------------------------

// Looks at one arc of the region; false without memory.
bool ComponentOrder::StepRegion(Region& region, Side side, ClassId limit) {
  if (region.current == region.visits.size()) {
    region.done = true;
    return true;
  }
  Visit& visit = region.visits[region.current];
  Arc arc;
  // What lies behind the far end is beyond the region.
  if (visit.component == limit || !NextArc(visit, side, &arc)) {
    ++region.current;
    return true;
  }
  const ClassId other = side == kForward ? arc.to : arc.from;
  const bool within = side == kForward ? order_.Before(other, limit) : order_.Before(limit, other);
  if (!within && other != limit) return true;
  if (!region.arcs.PushBack(arc)) return false;
  if ((nodes_[other].sides & side) != 0) return true;
  nodes_[other].sides |= side;
  return region.visits.PushBack(Begin(other, side));
}

// Marks what of the region lies on a path between its two ends, of which `start` is the far one.
void ComponentOrder::FindRing(Region& region, Side side, ClassId start) {
  // Along the order every arc comes after all arcs that lead to it, so one pass is enough.
  const auto nearer = [&](const Arc& a, const Arc& b) {
    return side == kForward ? order_.Before(b.to, a.to) : order_.Before(a.from, b.from);
  };
  std::make_heap(region.arcs.begin(), region.arcs.end(), nearer);
  std::sort_heap(region.arcs.begin(), region.arcs.end(), nearer);
  nodes_[start].sides |= kOnRing;
  for (const Arc& arc : region.arcs) {
    const ClassId known = side == kForward ? arc.to : arc.from;
    const ClassId found = side == kForward ? arc.from : arc.to;
    if ((nodes_[known].sides & kOnRing) != 0) nodes_[found].sides |= kOnRing;
  }
}

void ComponentOrder::MergeRing(ClassId from, ClassId to) {
  for (Region* region : {&forward_region_, &backward_region_}) {
    region->visits.Clear();
    region->arcs.Clear();
    region->current = 0;
    region->done = false;
  }
  nodes_[to].sides |= kForward;
  nodes_[from].sides |= kBackward;
  bool memory = forward_region_.visits.PushBack(Begin(to, kForward)) &&
                backward_region_.visits.PushBack(Begin(from, kBackward));
  while (memory && !forward_region_.done && !backward_region_.done) {
    memory = StepRegion(forward_region_, kForward, from) &&
             (forward_region_.done || StepRegion(backward_region_, kBackward, to));
  }
  const bool forward = forward_region_.done;
  Region& region = forward ? forward_region_ : backward_region_;
  const ClassId far_end = forward ? from : to;
  if (memory) FindRing(region, forward ? kForward : kBackward, far_end);
  uint8_t strengths = 0;
  for (const Arc& arc : region.arcs) {
    if ((nodes_[arc.from].sides & nodes_[arc.to].sides & kOnRing) == 0) continue;
    strengths |= graph_.GetEdge(arc.edge).strengths;
  }
  // The ring in front, behind it what moves; both lists are of roots.
  scratch_.Clear();
  for (const Visit& visit : region.visits) {
    if ((nodes_[visit.component].sides & kOnRing) == 0) continue;
    memory = memory && scratch_.PushBack(visit.component);
  }
  const size_t ring_size = scratch_.size();
  for (const Visit& visit : region.visits) {
    if ((nodes_[visit.component].sides & kOnRing) != 0) continue;
    memory = memory && scratch_.PushBack(visit.component);
  }
  for (Region* each : {&forward_region_, &backward_region_}) {
    for (const Visit& visit : each->visits) nodes_[visit.component].sides = 0;
  }
  if (!memory) return GiveUp();
  const auto before = [&](ClassId a, ClassId b) { return order_.Before(a, b); };
  ClassId* const moved = scratch_.begin() + ring_size;
  std::make_heap(moved, scratch_.end(), before);
  std::sort_heap(moved, scratch_.end(), before);
  const auto moved_count = static_cast<size_t>(scratch_.end() - moved);
  if (forward) {
    for (size_t i = moved_count; i-- > 0;) order_.MoveAfter(moved[i], far_end);
  } else {
    for (size_t i = 0; i < moved_count; ++i) order_.MoveBefore(moved[i], far_end);
  }
  const std::span<const ClassId> ring(scratch_.begin(), ring_size);
  const ClassId root = *std::max_element(ring.begin(), ring.end(), [&](ClassId a, ClassId b) {
    return nodes_[a].size < nodes_[b].size;
  });
  if (root != far_end) order_.MoveAfter(root, far_end);
  Unite(ring, root);
  nodes_[root].strengths |= strengths;
}

void ComponentOrder::Unite(std::span<const ClassId> ring, ClassId root) {
  for (const ClassId component : ring) {
    if (component == root) continue;
    order_.Remove(component);
    nodes_[component].parent = root;
    nodes_[root].size += nodes_[component].size;
    nodes_[root].strengths |= nodes_[component].strengths;
    // Exchanging their successors joins two circles.
    std::swap(nodes_[component].next_member, nodes_[root].next_member);
  }
}

bool ComponentOrder::IsConsistent() const {
  for (EdgeId id = 1; id <= graph_.edge_count(); ++id) {
    const Edge& edge = graph_.GetEdge(id);
    const ClassId from = ComponentOf(edge.from);
    const ClassId to = ComponentOf(edge.to);
    if (from != to && !order_.Before(from, to)) return false;
  }
  return true;
}

}  // namespace rqlockdep
