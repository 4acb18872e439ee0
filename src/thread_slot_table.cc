#include "src/thread_slot_table.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>

#include "src/held_table.h"
#include "src/native_policy.h"
#include "src/ring_search.h"
#include "src/slot_rendezvous.h"
#include "src/waiter_queue.h"

namespace rqlockdep::internal {

namespace {

// Where the fast path looks before the thread has a slot, and finds nothing free.
constinit Cell blocked_cell{kBlockedCell};

}  // namespace

constinit thread_local Cell* thread_cursor = &blocked_cell;

namespace {

using Table = HeldTable<NativeAtomics>;

void* MapZeroed(size_t size) {
  const int saved_errno = errno;
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  errno = saved_errno;
  return memory == MAP_FAILED ? nullptr : memory;
}

int32_t CurrentThreadId() { return static_cast<int32_t>(syscall(SYS_gettid)); }

}  // namespace

SlotTable* SlotTable::Map() {
  // All zero is an empty table: no segments, nothing in use.
  static_assert(SegmentOf(kMaxSlots - 1) < kSegments);
  void* const memory = MapZeroed(sizeof(SlotTable));
  if (memory == nullptr) return nullptr;
  SlotTable* const table = ::new (memory) SlotTable;
  table->process_.store(getpid(), std::memory_order_relaxed);
  return table;
}

void SlotTable::Unmap(SlotTable* table) { munmap(table, sizeof(SlotTable)); }

SlotTable::Segment* SlotTable::SegmentFor(uint32_t id) {
  const uint32_t number = SegmentOf(id);
  // Acquire: pairs with the release below.
  Segment* segment = segments_[number].load(std::memory_order_acquire);
  if (segment != nullptr) return segment;
  // Slots are used in place as the kernel maps them: all zero is an unused slot. Pages that are
  // never used cost no memory.
  const size_t count = size_t{kFirstSegment} << number;
  const size_t slots_size = count * sizeof(ThreadSlot);
  const size_t owners_size = count * sizeof(std::atomic<int32_t>);
  const size_t size = slots_size + owners_size + count * sizeof(uint32_t) + sizeof(Segment);
  char* const memory = static_cast<char*>(MapZeroed(size));
  if (memory == nullptr) return nullptr;
  segment = ::new (memory + size - sizeof(Segment))
      Segment{.slots = reinterpret_cast<ThreadSlot*>(memory),
              .owners = reinterpret_cast<std::atomic<int32_t>*>(memory + slots_size),
              .copies = reinterpret_cast<uint32_t*>(memory + slots_size + owners_size)};
  Segment* already = nullptr;
  // Release: publishes the segment. Acquire on failure: somebody else's is used.
  if (!segments_[number].compare_exchange_strong(already, segment, std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
    munmap(memory, size);
    segment = already;
  }
  return segment;
}

// Acquire, here and in copies_of: pairs with the release in SegmentFor.
std::atomic<int32_t>& SlotTable::owner(uint32_t id) {
  const uint32_t segment = SegmentOf(id);
  return segments_[segment].load(std::memory_order_acquire)->owners[id - FirstOf(segment)];
}

uint32_t& SlotTable::copies_of(uint32_t id) {
  const uint32_t segment = SegmentOf(id);
  return segments_[segment].load(std::memory_order_acquire)->copies[id - FirstOf(segment)];
}

// Relaxed: says nothing about the slot's contents.
bool SlotTable::IsDead(uint32_t id) { return owner(id).load(std::memory_order_relaxed) == kDead; }

bool SlotTable::HasEnded(uint32_t id) {
  // Acquire: pairs with the release in LetGo. What a dead thread gave back before it ended is seen
  // as given back. Of a thread that ended without telling, the kernel knows only after all of its
  // stores.
  const int32_t tid = owner(id).load(std::memory_order_acquire);
  if (tid <= 0) return tid == kDead;
  const int saved_errno = errno;
  const bool ended = syscall(SYS_tgkill, getpid(), tid, 0) != 0 && errno == ESRCH;
  errno = saved_errno;
  // The slot may have been given back, and taken by another thread, meanwhile. Relaxed: if not,
  // this is the value that the load above has read.
  return ended && owner(id).load(std::memory_order_relaxed) == tid;
}

ThreadSlot* SlotTable::Take(uint32_t id, int32_t tid) {
  int32_t nobody = kNobody;
  // Acquire: pairs with the release in LetGo; what the last owner did to the slot is visible.
  if (!owner(id).compare_exchange_strong(nobody, tid, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
    return nullptr;
  }
  copies_of(id) = 1;
  const uint32_t segment = SegmentOf(id);
  ThreadSlot* const slot =  // relaxed: this thread has seen the segment in owner()
      &segments_[segment].load(std::memory_order_relaxed)->slots[id - FirstOf(segment)];
  if (slot->mark == 0) {  // never used
    slot->mark = MarkOfSlot(id);
    slot->id = static_cast<uint16_t>(id);
    for (Cell& cell : slot->cells) cell.mark = slot->mark;
  }
  return slot;
}

ThreadSlot* SlotTable::Adopt(int32_t tid) {
  const uint32_t end = limit();
  for (uint32_t id = 0; id < end; ++id) {
    // Relaxed: a thread's own number was written by itself.
    if (owner(id).load(std::memory_order_relaxed) == tid) {
      ++copies_of(id);
      return at(id);
    }
  }
  return nullptr;
}

ThreadSlot* SlotTable::Claim(int32_t tid) {
  // Another copy of the library may have registered this thread. Relaxed: if it did, it had added
  // itself before, on this very thread.
  if (copies_.load(std::memory_order_relaxed) > 1) {
    if (ThreadSlot* const slot = Adopt(tid)) return slot;
  }
  // Relaxed: a hint. If it is too high, the slots below it are found when the table would grow.
  if (ThreadSlot* const slot =
          TakeBetween(lowest_free_.load(std::memory_order_relaxed), limit(), tid)) {
    return slot;
  }
  const uint32_t end = limit();
  if (end == kMaxSlots || (end != 0 && end == FirstOf(SegmentOf(end)))) {
    // Rather than a new segment, take what ended threads left. Doing so at each doubling costs a
    // system call or two per slot over the life of the table.
    ReclaimEnded();
    if (end == kMaxSlots) ReclaimRetired();
    if (ThreadSlot* const slot = TakeBetween(0, end, tid)) return slot;
  }
  return TakeBetween(end, kMaxSlots, tid);
}

ThreadSlot* SlotTable::TakeBetween(uint32_t begin, uint32_t end, int32_t tid) {
  for (uint32_t id = begin; id < end; ++id) {
    if (SegmentFor(id) == nullptr) return nullptr;
    // Relaxed, both: hints.
    if (owner(id).load(std::memory_order_relaxed) != kNobody) continue;
    ThreadSlot* const slot = Take(id, tid);
    if (slot == nullptr) continue;
    lowest_free_.store(id + 1, std::memory_order_relaxed);
    uint32_t old_limit = limit_.load(std::memory_order_relaxed);
    // Release: pairs with the acquire in limit(). Acquire: what is below the old limit is visible
    // to whoever sees ours, too.
    while (old_limit <= id &&
           !limit_.compare_exchange_weak(old_limit, id + 1, std::memory_order_acq_rel,
                                         std::memory_order_relaxed)) {
    }
    // Release: pairs with the acquire in changes(). Who sees this change sees the owner and the
    // limit.
    changes_.fetch_add(1, std::memory_order_release);
    return slot;
  }
  return nullptr;
}

void SlotTable::LetGo(ThreadSlot& slot) {
  if (--copies_of(slot.id) != 0) return;
  const bool holds = Table::HoldsMore(slot, nullptr);
  // Release: pairs with the acquire in changes(). Who sees this change sees that the thread has
  // given back its locks.
  changes_.fetch_add(1, std::memory_order_release);
  // Release: pairs with the acquire in Take, and in IsInUse and HasEnded.
  owner(slot.id).store(holds ? kDead : kNobody, std::memory_order_release);
  if (!holds && slot.id < lowest_free_.load(std::memory_order_relaxed)) {
    lowest_free_.store(slot.id, std::memory_order_relaxed);
  }
}

void SlotTable::ReclaimEnded() {
  const int saved_errno = errno;
  const pid_t process = getpid();
  const uint32_t end = limit();
  for (uint32_t id = 0; id < end; ++id) {
    // Acquire: pairs with the release in LetGo and below.
    int32_t tid = owner(id).load(std::memory_order_acquire);
    if (tid <= 0 || syscall(SYS_tgkill, process, tid, 0) == 0 || errno != ESRCH) continue;
    // No thread has this number, so nobody writes the slot; and what its thread wrote is visible,
    // since it came before the end that the kernel told us of. Of several who find that out one may
    // act (acquire: after another who took the slot meanwhile).
    if (!owner(id).compare_exchange_strong(tid, kDead, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      continue;
    }
    if (!Table::HoldsMore(*at(id), nullptr)) {
      changes_.fetch_add(1, std::memory_order_release);  // as in LetGo, both
      owner(id).store(kNobody, std::memory_order_release);
    }
  }
  errno = saved_errno;
}

void SlotTable::ReclaimRetired() {
  for (uint32_t id = 0; id < kMaxSlots; ++id) {
    int32_t retired = kRetired;
    // Relaxed: made when there was one thread.
    owner(id).compare_exchange_strong(retired, kNobody, std::memory_order_relaxed,
                                      std::memory_order_relaxed);
  }
}

void SlotTable::KeepOnly(int32_t forker, int32_t tid) {
  // The child has one thread; nothing here can be concurrent, so all of it is relaxed.
  const int32_t process = getpid();
  if (process_.load(std::memory_order_relaxed) == process) return;
  process_.store(process, std::memory_order_relaxed);
  const uint32_t end = limit();
  for (uint32_t id = 0; id < end; ++id) {
    ThreadSlot& slot = *at(id);
    const int32_t tid_of_slot = owner(id).load(std::memory_order_relaxed);
    if (tid_of_slot == forker) {
      owner(id).store(tid, std::memory_order_relaxed);
      WaiterQueue<NativePolicy>::ResetIfLeft(slot);
    } else if (tid_of_slot > 0) {
      WaiterQueue<NativePolicy>::Reset(slot);
      slot.wait.ticket.store(0, std::memory_order_relaxed);
      // A thread may have been publishing when the process forked.
      slot.wait.writes_done.store(slot.wait.writes_begun.load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
      owner(id).store(Table::HoldsMore(slot, nullptr) ? kDead : kRetired,
                      std::memory_order_relaxed);
    }
  }
}

namespace {

// This copy's part of each thread's registration.
constinit thread_local ThreadSlot* current_slot __attribute__((tls_model("initial-exec"))) =
    nullptr;
// After a registration that failed: how many acquisitions go by before the next try.
constinit thread_local uint32_t wait_to_register __attribute__((tls_model("initial-exec"))) = 0;
constexpr uint32_t kRegistrationInterval = 65'536;

// The thread that forks, by its number before the fork.
constinit thread_local int32_t forker __attribute__((tls_model("initial-exec"))) = 0;

constinit std::atomic<bool> has_exit_key{false};
pthread_key_t exit_key;

void OnThreadExit(void* slot) {
  current_slot = nullptr;
  thread_cursor = &blocked_cell;
  ProcessSlotTable()->LetGo(*static_cast<ThreadSlot*>(slot));
}

void OnFork() { forker = CurrentThreadId(); }

void OnForkInChild() {
  ProcessSlotTable()->NoteFork();
  ProcessSlotTable()->KeepOnly(forker, CurrentThreadId());
}

void* CreateTable() { return SlotTable::Map(); }
void DiscardTable(void* table) { SlotTable::Unmap(static_cast<SlotTable*>(table)); }

// Where there was no memory for the process's table: one without slots, so that locks work without
// deadlock detection.
constinit SlotTable table_without_slots;

// Set once, by SetUp.
constinit std::atomic<SlotTable*> process_table{nullptr};

// Runs at load time, so that nothing is left to be done on the first use of a lock, which may be in
// a signal handler; or earlier, if some other constructor uses a lock before.
[[gnu::constructor(101)]] void SetUp() {
  // Acquire: pairs with the release below.
  if (process_table.load(std::memory_order_acquire) != nullptr) return;
  SlotTable* table = static_cast<SlotTable*>(SharedTable(&CreateTable, &DiscardTable));
  if (table == nullptr) table = &table_without_slots;
  SlotTable* none = nullptr;
  // Release: pairs with the acquire in ProcessSlotTable.
  if (!process_table.compare_exchange_strong(none, table, std::memory_order_acq_rel)) return;
  table->AddCopy();
  pthread_atfork(&OnFork, nullptr, &OnForkInChild);
  if (pthread_key_create(&exit_key, &OnThreadExit) == 0) {
    // The C library keeps the values of the first 32 keys in the thread itself, but allocates
    // memory for those of later keys. Allocating is not for us; then ended threads are found
    // otherwise.
    if (exit_key < 32) {
      // Release: pairs with the acquire in Register; the key is there.
      has_exit_key.store(true, std::memory_order_release);
    } else {
      pthread_key_delete(exit_key);
    }
  }
}

// When this copy is unloaded, threads must not call its destructor any more.
[[gnu::destructor(101)]] void TearDown() {
  // Acquire: as in Register. Whoever registers from now on does without the key.
  if (has_exit_key.exchange(false, std::memory_order_acq_rel)) pthread_key_delete(exit_key);
}

ThreadSlot* Register() {
  if (wait_to_register != 0) {
    --wait_to_register;
    return nullptr;
  }
  // A handler that comes in here and registers the thread, too, would take a second slot.
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
  if (current_slot == nullptr) {
    SlotTable* const table = ProcessSlotTable();
    ThreadSlot* const slot =
        table == &table_without_slots ? nullptr : table->Claim(CurrentThreadId());
    if (slot == nullptr) {
      wait_to_register = kRegistrationInterval;
    } else {
      current_slot = slot;
      thread_cursor = &slot->cells[0];
      // Acquire: pairs with the release in SetUp.
      if (has_exit_key.load(std::memory_order_acquire)) pthread_setspecific(exit_key, slot);
    }
  }
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof(before));
  return current_slot;
}

}  // namespace

SlotTable* ProcessSlotTable() {
  // Acquire: pairs with the release in SetUp.
  SlotTable* const table = process_table.load(std::memory_order_acquire);
  if (table != nullptr) [[likely]]
    return table;
  SetUp();
  return process_table.load(std::memory_order_acquire);
}

ThreadSlot* CurrentSlot() {
  ThreadSlot* const slot = current_slot;
  return slot != nullptr ? slot : Register();
}

ThreadSlot* CurrentSlotIfAny() { return current_slot; }

}  // namespace rqlockdep::internal
