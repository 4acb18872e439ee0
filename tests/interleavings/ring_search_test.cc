// The search for rings by itself, while the threads that it looks at go on: every interleaving of
// one look with what others do. What it puts together from different moments is no ring.
// (Rings of real waits: deadlock_test.cc.)
#include "src/ring_search.h"

#include <atomic>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/thread_slot.h"
#include "tests/interleavings/explore.h"
#include "tests/support/controlled_scheduler.h"
#include "tests/support/sim_locks.h"

namespace rqlockdep {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Locks are addresses here. Slot 0 is that of the thread that looks; it holds kMine and waits for
// kMiddle, which slot 2 holds.
constexpr uintptr_t kMine = 0x1000;
constexpr uintptr_t kMiddle = 0x2000;
constexpr uintptr_t kLast = 0x3000;
constexpr uintptr_t kOther = 0x4000;

struct World {
  struct Policy {
    using Atomics = SimAtomics;
    World& world;
    uint32_t slot_limit() { return kSlots; }
    SimSlot* slot_at(uint32_t id) { return &world.slots[id]; }
    SimAtomic<uint64_t>& tickets() { return world.tickets; }
  };
  using Rings = internal::RingSearch<Policy>;
  using Wait = Rings::Wait;
  static constexpr uint32_t kSlots = 4;

  World() {
    for (uint32_t id = 0; id < kSlots; ++id) slots[id].id = static_cast<uint16_t>(id);
  }

  void Hold(uint32_t id, uintptr_t lock) { slots[id].cells[0].lock.store(lock, kRelaxed); }
  void GiveBack(uint32_t id) { Hold(id, internal::kFreeCell); }
  // What is in the first cell is held.
  Wait BeginWait(uint32_t id, uintptr_t lock, uint32_t holder) {
    const Wait wait = {.ticket = tickets.fetch_add(1, kRelaxed) + 1,
                       .word = lock,
                       .held_inline = 1,
                       .held_chunked = 0,
                       .watched = false,
                       .holder_mark = internal::MarkOfSlot(holder),
                       .version = 0};
    Rings::Publish(slots[id], wait);
    return wait;
  }
  void EndWait(uint32_t id) { Rings::Publish(slots[id], {}); }

  Policy policy{*this};
  SimSlot slots[kSlots];
  SimAtomic<uint64_t> tickets{0};
  SimNote<bool> begun;
  SimNote<bool> looked;
};

// There is no ring at any time: neither before `change` nor during it nor after it.
void ExpectNoRing(const char* what, void (*before)(World&), void (*change)(World&)) {
  static SimStorage<World> storage;
  int during = 0;
  Explore(what, {}, [&] {
    World& world = storage.Renew();
    return SimProgram{
        .threads = {[&world, before] {
                      world.Hold(0, kMine);
                      world.Hold(2, kMiddle);
                      before(world);
                      const World::Wait mine = world.BeginWait(0, kMiddle, 2);
                      world.begun = true;
                      const auto ring = World::Rings::Look(world.policy, world.slots[0], mine);
                      if (ring.newest != nullptr) {
                        ControlledScheduler::Current().Fail("a ring that is none");
                      }
                      world.looked = true;
                    },
                    [&world, &during, change] {
                      ControlledScheduler::Current().Await([&world] { return bool{world.begun}; });
                      change(world);
                      during += bool{world.looked} ? 0 : 1;
                    }},
        .handlers = {},
        .at_end = [] { return std::string(); }};
  });
  ExpectHappened("all of it during the look", during);
}

// Slot 1 gives up its wait for the lock of slot 0, and only then takes the lock that slot 2 waits
// for: into the cell in which it held another during its wait.
TEST(RingSearch, AHoldThatIsNewerThanTheWaitIsNoPartOfIt) {
  ExpectNoRing(
      "newer hold",
      [](World& world) {
        world.Hold(3, kLast);
        world.BeginWait(2, kLast, 3);
        world.Hold(1, kOther);
        world.BeginWait(1, kMine, 0);
      },
      [](World& world) {
        world.GiveBack(3);
        world.EndWait(1);
        world.GiveBack(1);
        world.Hold(1, kLast);
      });
}

// Slot 2 gets the lock that it waits for and gives everything back. Slot 1 takes that lock and only
// then begins to wait for the lock of slot 0.
TEST(RingSearch, AWaitThatIsNewerThanTheLookIsNoPartOfTheRing) {
  ExpectNoRing(
      "newer wait",
      [](World& world) {
        world.Hold(3, kLast);
        world.BeginWait(2, kLast, 3);
      },
      [](World& world) {
        world.GiveBack(3);
        world.EndWait(2);
        world.GiveBack(2);
        world.Hold(1, kLast);
        world.BeginWait(1, kMine, 0);
      });
}

}  // namespace
}  // namespace rqlockdep
