// The main job on one page: a regular lock and a resilient lock, taken in both orders.
//
// The first thread takes A, then B. The second takes B, then A. The latches make sure that each has
// its first lock before it asks for the second, so this is a real deadlock. With two regular locks
// the program would hang here for ever. But B is resilient: asking for it fails when it would wait
// too long, the first thread gives A back, and the second goes on.
//
// So the program ends. What it cannot see itself, the validator reports on standard error: the two
// orders, where in the source they are, and that thread 2 stalls until thread 1 gives up.
#include <cstdio>
#include <latch>
#include <mutex>
#include <thread>

#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_lock_guard.h"
#include "rqlockdep/resilient_spinlock.h"

namespace {

constinit rqlockdep::LockClass a_class("A");
constinit rqlockdep::LockClass b_class("B");
rqlockdep::QueuedSpinlock a(a_class);     // regular: lock() waits for ever
rqlockdep::ResilientSpinlock b(b_class);  // resilient: Acquire() can fail
std::latch first_holds_one(1), both_hold_one(2);

void TakeAThenB() {
  const std::lock_guard hold_a(a);
  first_holds_one.count_down();
  both_hold_one.arrive_and_wait();
  const rqlockdep::ResilientLockGuard hold_b(b);
  if (!hold_b) {
    std::printf("thread 1: did not get B (%s) and gives A back\n",
                rqlockdep::ToString(hold_b.result()));
  }
}

void TakeBThenA() {
  const rqlockdep::ResilientLockGuard hold_b(b);
  if (!hold_b) return;
  both_hold_one.arrive_and_wait();
  const std::lock_guard hold_a(a);
  std::printf("thread 2: holds B and got A\n");
}

}  // namespace

int main() {
  std::thread first(TakeAThenB);
  first_holds_one.wait();  // so that it is thread 1 in the reports, too
  std::thread second(TakeBThenA);
  first.join();
  second.join();
  std::printf("both threads are done\n");
}
