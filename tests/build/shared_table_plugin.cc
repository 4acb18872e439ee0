// One of two identical shared libraries that each contain a copy of the locks; shared_table_test.cc
// loads both.
#include <cstdint>

#include "rqlockdep/lock_result.h"
#include "rqlockdep/resilient_spinlock.h"
#include "src/thread_slot_table.h"

// The analysis wants every unlock to follow a lock that cannot fail; these tests are about the
// others.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

using rqlockdep::ResilientSpinlock;

extern "C" {
const void* PluginTable() { return rqlockdep::internal::ProcessSlotTable(); }
int PluginSlot() { return rqlockdep::internal::CurrentSlot()->id; }
int PluginAcquire(ResilientSpinlock* lock, int64_t nanoseconds) {
  return static_cast<int>(lock->AcquireFor(std::chrono::nanoseconds(nanoseconds)));
}
void PluginRelease(ResilientSpinlock* lock) { lock->unlock(); }
int PluginIsHeld(ResilientSpinlock* lock) { return lock->IsHeld() ? 1 : 0; }
}
