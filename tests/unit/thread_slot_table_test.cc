#include "src/thread_slot_table.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <iostream>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "rqlockdep/internal/thread_slot.h"
#include "src/native_policy.h"
#include "src/ring_search.h"
#include "src/waiter_queue.h"

namespace rqlockdep::internal {
namespace {

int32_t Me() { return static_cast<int32_t>(syscall(SYS_gettid)); }
constexpr int32_t kNoSuchThread = 1 << 30;  // above any number that Linux gives out

class SlotTableTest : public testing::Test {
 protected:
  ~SlotTableTest() override { SlotTable::Unmap(table_); }
  SlotTable* const table_ = SlotTable::Map();
};

TEST_F(SlotTableTest, EverySlotOnceThenNone) {
  std::set<ThreadSlot*> slots;
  for (uint32_t i = 0; i < SlotTable::kMaxSlots; ++i) {
    ThreadSlot* const slot = table_->Claim(Me());
    ASSERT_NE(slot, nullptr) << i;
    ASSERT_EQ(table_->at(slot->id), slot);
    ASSERT_EQ(slot->mark, MarkOfSlot(slot->id));
    ASSERT_NE(slot->mark, 0);
    ASSERT_NE(slot->mark, kUnlistedMark);
    ASSERT_EQ(slot->cells[30].mark, slot->mark);
    slots.insert(slot);
  }
  EXPECT_EQ(slots.size(), SlotTable::kMaxSlots);
  EXPECT_EQ(table_->limit(), SlotTable::kMaxSlots);
  EXPECT_EQ(table_->Claim(Me()), nullptr);
  // One that is given back can be had again.
  ThreadSlot* const slot = table_->at(12'345);
  table_->LetGo(*slot);
  EXPECT_EQ(table_->Claim(Me()), slot);
  EXPECT_EQ(table_->Claim(Me()), nullptr);
}

TEST_F(SlotTableTest, LowNumbersAreReused) {
  ThreadSlot* const first = table_->Claim(Me());
  ThreadSlot* const second = table_->Claim(Me());
  EXPECT_EQ(first->id, 0);
  EXPECT_EQ(second->id, 1);
  table_->LetGo(*first);
  EXPECT_EQ(table_->Claim(Me()), first);
  EXPECT_EQ(table_->limit(), 2u);
}

TEST_F(SlotTableTest, SlotOfADeadOwnerIsNotReused) {
  ThreadSlot* const slot = table_->Claim(Me());
  slot->cells[3].lock.store(0x1000);
  table_->LetGo(*slot);
  EXPECT_TRUE(table_->IsDead(slot->id));
  EXPECT_NE(table_->Claim(Me()), slot);
}

TEST_F(SlotTableTest, SecondCopyAdoptsTheThreadsSlot) {
  table_->AddCopy();
  ThreadSlot* const slot = table_->Claim(Me());
  table_->AddCopy();
  EXPECT_EQ(table_->Claim(Me()), slot);
  EXPECT_NE(table_->Claim(kNoSuchThread), slot);
  table_->LetGo(*slot);
  EXPECT_EQ(table_->Claim(Me()), slot) << "one copy still uses it";
  table_->LetGo(*slot);
  table_->LetGo(*slot);
  EXPECT_EQ(table_->Claim(kNoSuchThread + 1), slot) << "nobody uses it any more";
}

// Threads that ended without a word are found before the table grows.
TEST_F(SlotTableTest, EndedThreadsAreReclaimed) {
  for (int i = 0; i < 64; ++i) {
    ASSERT_NE(table_->Claim(i == 7 ? Me() : kNoSuchThread + i), nullptr);
  }
  table_->at(9)->cells[0].lock.store(0x1000);
  EXPECT_EQ(table_->limit(), 64u);
  std::set<uint32_t> ids;
  for (int i = 0; i < 62; ++i) ids.insert(table_->Claim(Me())->id);
  EXPECT_EQ(table_->limit(), 64u);
  EXPECT_EQ(ids.size(), 62u);
  EXPECT_EQ(ids.count(7), 0u) << "its thread lives";
  EXPECT_EQ(ids.count(9), 0u) << "it holds a lock";
  EXPECT_TRUE(table_->IsDead(9));
  EXPECT_EQ(table_->Claim(Me())->id, 64u);
}

// Runs `child` in the child of a fork. It returns "" if all is well.
void InTheChildOfAFork(const std::function<std::string()>& child) {
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string complaint = child();
    std::cerr << complaint << std::endl;
    _exit(complaint.empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

// A queue may name the slot of a thread that the child does not have. So nobody gets that slot
// while there are others.
TEST_F(SlotTableTest, ChildOfAForkRetiresTheOtherThreadsSlots) {
  const int32_t forker = Me();
  ASSERT_EQ(table_->Claim(kNoSuchThread)->id, 0);
  ASSERT_EQ(table_->Claim(forker)->id, 1);
  ASSERT_EQ(table_->Claim(kNoSuchThread + 1)->id, 2);
  table_->at(2)->cells[0].lock.store(0x1000);
  table_->at(0)->wait.ticket.store(7);
  table_->at(0)->wait.writes_begun.store(5);
  table_->at(0)->wait.writes_done.store(4);
  InTheChildOfAFork([&]() -> std::string {
    table_->KeepOnly(forker, Me());
    if (!table_->IsDead(2)) return "what it holds is forgotten";
    if (table_->IsDead(0) || table_->IsDead(1)) return "these hold nothing";
    if (table_->at(0)->wait.ticket.load() != 0) return "it waits for nothing any more";
    if (table_->at(0)->wait.writes_done.load() != 5) return "it publishes for ever";
    if (table_->HasEnded(1)) return "the slot is not that of the child's thread";
    if (table_->Claim(Me())->id != 3) return "the next slot is not a new one";
    for (uint32_t id = 4; id < SlotTable::kMaxSlots; ++id) {
      if (table_->Claim(Me())->id != id) return "a retired slot was used";
    }
    if (table_->Claim(Me()) != table_->at(0)) return "the retired slot is lost";
    return table_->Claim(Me()) == nullptr ? "" : "the slots of 1 and 2 were used";
  });
}

// Each copy of the library has a handler of its own for fork.
TEST_F(SlotTableTest, ChildOfAForkKeepsTheForkersSlotWithSeveralCopies) {
  const int32_t forker = Me();
  ASSERT_EQ(table_->Claim(forker)->id, 0);
  ASSERT_EQ(table_->Claim(kNoSuchThread)->id, 1);
  table_->at(0)->cells[0].lock.store(0x1000);
  table_->at(0)->wait.ticket.store(7);
  InTheChildOfAFork([&]() -> std::string {
    table_->KeepOnly(forker, Me());
    table_->KeepOnly(forker, Me());
    if (table_->HasEnded(0)) return "the slot is not that of the child's thread any more";
    if (table_->at(0)->wait.ticket.load() != 7) return "the wait that the fork interrupts is gone";
    return table_->Claim(Me())->id == 2 ? "" : "the other slot is not retired";
  });
}

// The thread that forks need not have a slot itself.
TEST_F(SlotTableTest, Bug_ChildOfAForkByAThreadWithoutASlotKeptTheOthersQueueNodes) {
  ASSERT_EQ(table_->Claim(kNoSuchThread)->id, 0);
  table_->at(0)->node.state.store(WaiterQueue<NativePolicy>::kSleeping);
  InTheChildOfAFork([&]() -> std::string {
    table_->KeepOnly(Me() - 1, Me());
    if (table_->at(0)->node.state.load() != 0) return "the node is in use";
    return table_->Claim(Me())->id == 1 ? "" : "the slot is not retired";
  });
}

// A node that was left to others is idle, for the child has none of them; one that is in use (by
// what the forking signal handler interrupts) is not touched.
TEST_F(SlotTableTest, ChildOfAForkHasItsNodeBack) {
  using Queue = WaiterQueue<NativePolicy>;
  const int32_t forker = Me();
  ThreadSlot* const slot = table_->Claim(forker);
  for (const auto left : {Queue::kAbandoned, Queue::kReturning}) {
    slot->node.state.store(left);
    InTheChildOfAFork([&]() -> std::string {
      table_->KeepOnly(forker, Me());
      return slot->node.state.load() == Queue::kIdle ? "" : "abandoned for ever";
    });
  }
  // A head that passed its role on to whoever would come: nobody will.
  slot->node.state.store(Queue::kHead);
  slot->node.next.store(Queue::kPassed);
  InTheChildOfAFork([&]() -> std::string {
    table_->KeepOnly(forker, Me());
    return slot->node.state.load() == Queue::kIdle ? "" : "waits for a successor for ever";
  });
  slot->node.next.store(0);
  slot->node.state.store(Queue::kWaiting);
  InTheChildOfAFork([&]() -> std::string {
    table_->KeepOnly(forker, Me());
    return slot->node.state.load() == Queue::kWaiting ? "" : "taken away";
  });
}

TEST_F(SlotTableTest, ThisProcessHasOneSlotForAThread) {
  ThreadSlot* const slot = CurrentSlot();
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(CurrentSlot(), slot);
  EXPECT_EQ(CurrentSlotIfAny(), slot);
}

}  // namespace
}  // namespace rqlockdep::internal
