#include "rqlockdep/res_spin_lock.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

#include "rqlockdep/hooks.h"
#include "rqlockdep/internal/lock_operations.h"
#include "rqlockdep/internal/lock_word.h"
#include "rqlockdep/internal/signal_masks.h"
#include "rqlockdep/lock_class.h"
#include "rqlockdep/lock_result.h"
#include "rqlockdep/nested.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/thread_annotations.h"

// Clang's thread safety analysis has nothing to say about functions that lock or unlock for a
// caller in C.
#define C_INTERFACE RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS

namespace rqlockdep {
namespace {

// The C types are storage for the C++ objects. tests/unit/res_spin_lock_test.cc compares the bytes
// of the C initialisers with what the C++ constructors make.
static_assert(sizeof(rqspinlock_t) == sizeof(ResilientSpinlock));
static_assert(sizeof(raw_spinlock_t) == sizeof(QueuedSpinlock));
static_assert(sizeof(rqlockdep_lock_class) == sizeof(LockClass));
static_assert(RQLOCKDEP_KIND_QSPINLOCK == static_cast<int>(LockKind::kQspinlock));
static_assert(RQLOCKDEP_KIND_RQSPINLOCK == static_cast<int>(LockKind::kRqspinlock));

ResilientSpinlock& Cpp(rqspinlock_t* lock) { return *reinterpret_cast<ResilientSpinlock*>(lock); }
QueuedSpinlock& Cpp(raw_spinlock_t* lock) { return *reinterpret_cast<QueuedSpinlock*>(lock); }

template <class Lock>
void InitialiseMap([[maybe_unused]] Lock* lock, [[maybe_unused]] LockKind kind,
                   [[maybe_unused]] const rqlockdep_lock_class* key) {
#if RQLOCKDEP_VALIDATOR
  const auto& lock_class = *reinterpret_cast<const LockClass*>(key);
  hooks::LockMap* const map = ::new (lock) hooks::LockMap(kind, lock_class);
  hooks::Init(*map, kind, &lock_class);
#endif
}

constinit thread_local int preempt_count __attribute__((tls_model("initial-exec"))) = 0;

void PreemptDisable() { ++preempt_count; }
void PreemptEnable() { --preempt_count; }

// A signal mask as the kernel has it: bit n-1 for signal n.
static_assert(sizeof(unsigned long) * 8 >= 64, "`flags` must hold a signal mask");
constexpr size_t kKernelMaskSize = 8;

// System calls of our own, since `flags` has room for the kernel's mask but not for a sigset_t.
unsigned long InterruptsSaveAndDisable() {
  const uint64_t block = internal::AsynchronousSignals();
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &block, &before, kKernelMaskSize);
  hooks::SignalsBlocked(before | block);
  return before;
}

void InterruptsRestore(unsigned long flags) {
  const uint64_t mask = flags;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, kKernelMaskSize);
  hooks::SignalsBlocked(mask);
}

Nested Subclass(unsigned int subclass) { return {.subclass = static_cast<uint8_t>(subclass)}; }

int LockWithPreemptOff(rqspinlock_t* lock, const Nested& nested) {
  PreemptDisable();
  const LockResult result = Cpp(lock).Acquire(nested);
  if (result != LockResult::kOk) PreemptEnable();
  return NegativeErrno(result);
}

// An unlock after an ignored failure gives nothing back, so it counts nothing back either.
void UnlockWithPreemptOn(rqspinlock_t* lock) C_INTERFACE {
  const bool held = Cpp(lock).IsHeld();
  Cpp(lock).unlock();
  if (held) PreemptEnable();
}

}  // namespace
}  // namespace rqlockdep

using rqlockdep::Cpp;
using rqlockdep::InterruptsRestore;
using rqlockdep::InterruptsSaveAndDisable;
using rqlockdep::PreemptDisable;
using rqlockdep::PreemptEnable;

void rqlockdep_rqspinlock_init(rqspinlock_t* lock, const rqlockdep_lock_class* key) {
  rqlockdep::InitialiseMap(lock, rqlockdep::LockKind::kRqspinlock, key);
  // If this thread holds it: the old lock is gone.
  rqlockdep::internal::Forget(*::new (&lock->word) rqlockdep::internal::LockWord);
}

void rqlockdep_raw_spinlock_init(raw_spinlock_t* lock, const rqlockdep_lock_class* key) {
  rqlockdep::InitialiseMap(lock, rqlockdep::LockKind::kQspinlock, key);
  ::new (&lock->word) rqlockdep::internal::LockWord;
}

int res_spin_lock(rqspinlock_t* lock) C_INTERFACE {
  return rqlockdep::NegativeErrno(Cpp(lock).Acquire());
}

void res_spin_unlock(rqspinlock_t* lock) C_INTERFACE { Cpp(lock).unlock(); }

int raw_res_spin_lock(rqspinlock_t* lock) C_INTERFACE {
  return rqlockdep::LockWithPreemptOff(lock, {});
}

int raw_res_spin_lock_nested(rqspinlock_t* lock, unsigned int subclass) C_INTERFACE {
  return rqlockdep::LockWithPreemptOff(lock, rqlockdep::Subclass(subclass));
}

void raw_res_spin_unlock(rqspinlock_t* lock) C_INTERFACE { rqlockdep::UnlockWithPreemptOn(lock); }

int rqlockdep_raw_res_spin_lock_irqsave(rqspinlock_t* lock, unsigned long* flags) C_INTERFACE {
  *flags = InterruptsSaveAndDisable();
  const int error = rqlockdep::LockWithPreemptOff(lock, {});
  if (error != 0) InterruptsRestore(*flags);
  return error;
}

void rqlockdep_raw_res_spin_unlock_irqrestore(rqspinlock_t* lock, unsigned long flags) C_INTERFACE {
  rqlockdep::UnlockWithPreemptOn(lock);
  InterruptsRestore(flags);
}

void raw_spin_lock(raw_spinlock_t* lock) C_INTERFACE {
  PreemptDisable();
  Cpp(lock).lock();
}

void raw_spin_lock_nested(raw_spinlock_t* lock, unsigned int subclass) C_INTERFACE {
  PreemptDisable();
  Cpp(lock).lock(rqlockdep::Subclass(subclass));
}

void raw_spin_lock_nest_lock(raw_spinlock_t* lock, raw_spinlock_t* nest) C_INTERFACE {
  PreemptDisable();
  Cpp(lock).lock({.nest = &Cpp(nest)});
}

int raw_spin_trylock(raw_spinlock_t* lock) C_INTERFACE {
  PreemptDisable();
  if (Cpp(lock).try_lock()) return 1;
  PreemptEnable();
  return 0;
}

void raw_spin_unlock(raw_spinlock_t* lock) C_INTERFACE {
  Cpp(lock).unlock();
  PreemptEnable();
}

unsigned long rqlockdep_raw_spin_lock_irqsave(raw_spinlock_t* lock) C_INTERFACE {
  const unsigned long flags = InterruptsSaveAndDisable();
  PreemptDisable();
  Cpp(lock).lock();
  return flags;
}

void rqlockdep_raw_spin_unlock_irqrestore(raw_spinlock_t* lock, unsigned long flags) C_INTERFACE {
  Cpp(lock).unlock();
  PreemptEnable();
  InterruptsRestore(flags);
}

int rqlockdep_preempt_count() { return rqlockdep::preempt_count; }
