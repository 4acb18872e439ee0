/* The locks under the Linux kernel's names, for C11 and C++: rqspinlock_t, a resilient spinlock
 * whose acquisitions can fail (resilient_spinlock.h), and beside it raw_spinlock_t, a regular one
 * (queued_spinlock.h). Return values are the kernel's: 0, -EDEADLK or -ETIMEDOUT; the limit is 250
 * ms.
 *
 *   static DEFINE_RQSPINLOCK(lock);
 *   unsigned long flags;
 *   int error = raw_res_spin_lock_irqsave(&lock, flags);
 *   if (error) return error;
 *   ...
 *   raw_res_spin_unlock_irqrestore(&lock, flags);
 *
 * What the kernel's words mean in user space:
 *   interrupts off  the thread's asynchronous signals are blocked. Not the synchronous ones
 *                   (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), nor those that
 *                   libc keeps for itself. Costs a system call, and another for the way back.
 *   flags           an unsigned long variable of the caller that receives the thread's whole signal
 *                   mask, so there is nothing to nest or to run out of.
 *                   An unlock of the other kind frees the lock, but the mask is then the
 *                   caller's to put right: _unlock after _irqsave leaves signals blocked.
 *   preemption off  a count that each thread keeps, rqlockdep_preempt_count(). It changes nothing
 *                   about scheduling; checks can see that the thread is in such a section.
 * An acquisition that fails undoes both, in reverse order, before it returns.
 *
 * Everything calls into the library: a call more for each operation than the inline C++ classes
 * (tests/benchmark/lock_benchmark.cc). All functions may be called from any thread and in signal
 * handlers, and leave errno alone. A lock has to be initialised, by one of the initialisers or an
 * init macro, before use; zeroed memory will not do when the validator is on. The types are as
 * large as the C++ ones: 4 bytes with the validator off. */
#ifndef RQLOCKDEP_RES_SPIN_LOCK_H_
#define RQLOCKDEP_RES_SPIN_LOCK_H_

/* C, with the kernel's names. */
/* NOLINTBEGIN(modernize-use-using, readability-identifier-naming) */

#include <stdint.h>

#ifndef RQLOCKDEP_VALIDATOR
#error "depend on one of rqlockdep's Bazel targets, or define RQLOCKDEP_VALIDATOR as 0 or 1"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* An object built in the other validator mode than the library does not link, as in hooks.h. */
#ifndef RQLOCKDEP_MODE_SYMBOL
#if RQLOCKDEP_VALIDATOR
#define RQLOCKDEP_MODE_SYMBOL \
  rqlockdep_ERROR_this_object_was_built_with_the_validator_ON_but_another_without_it
#else
#define RQLOCKDEP_MODE_SYMBOL \
  rqlockdep_ERROR_this_object_was_built_with_the_validator_OFF_but_another_with_it
#endif
#endif
extern const char RQLOCKDEP_MODE_SYMBOL;
static const char* const rqlockdep_mode __attribute__((used)) = &RQLOCKDEP_MODE_SYMBOL;

/* --- Types: only their names and sizes are for users -------------------------------------------
 */

struct rqlockdep_lock_word {
  uint8_t locked;
  uint8_t pending;
  uint16_t tail;
};

#if RQLOCKDEP_VALIDATOR
/* hooks.h's LockMap. */
#define RQLOCKDEP_LOCK_MAP_MEMBERS \
  uint32_t class_id;               \
  uint8_t asked_subclasses;        \
  const void* key;                 \
  uint8_t key_type;                \
  uint8_t kind;                    \
  uint8_t in_function;             \
  uint8_t in_array_template;
/* The key type 1 is LockMap::KeyType::kNone. */
#define RQLOCKDEP_LOCK_MAP_INIT(kind) 0, 0, 0, 1, kind, 0, 0,
#else
#define RQLOCKDEP_LOCK_MAP_MEMBERS
#define RQLOCKDEP_LOCK_MAP_INIT(kind)
#endif
#define RQLOCKDEP_KIND_QSPINLOCK 0
#define RQLOCKDEP_KIND_RQSPINLOCK 1

typedef struct rqspinlock {
  RQLOCKDEP_LOCK_MAP_MEMBERS
  struct rqlockdep_lock_word word;
} rqspinlock_t;

typedef struct raw_spinlock {
  RQLOCKDEP_LOCK_MAP_MEMBERS
  struct rqlockdep_lock_word word;
} raw_spinlock_t;

/* What an init macro names its locks' class with. The same as rqlockdep::LockClass. */
struct rqlockdep_lock_class {
  const char* name;
  int (*order)(const void* held, const void* asked);
  uint8_t outer_rank; /* 0: that of the lock's kind; else a rqlockdep::WaitRank */
  uint8_t inner_rank;
};

#define RQLOCKDEP_MUST_CHECK __attribute__((warn_unused_result))

/* --- Initialisation ----------------------------------------------------------------------------
 */

/* Initialisers for static variables. The validator's class is the variable. */
#define RQSPINLOCK_INIT                                            \
  {                                                                \
    RQLOCKDEP_LOCK_MAP_INIT(RQLOCKDEP_KIND_RQSPINLOCK) { 0, 0, 0 } \
  }
#define RAW_SPINLOCK_INIT                                         \
  {                                                               \
    RQLOCKDEP_LOCK_MAP_INIT(RQLOCKDEP_KIND_QSPINLOCK) { 0, 0, 0 } \
  }
#define DEFINE_RQSPINLOCK(name) rqspinlock_t name = RQSPINLOCK_INIT
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name = RAW_SPINLOCK_INIT

/* Initialise the lock at a pointer, whatever was in the memory before; no other thread may use it
 * meanwhile. All locks that one place in the source initialises are one class, named like the
 * expression. */
#define raw_res_spin_lock_init(lock) RQLOCKDEP_INIT_WITH_KEY(rqlockdep_rqspinlock_init, lock, #lock)
#define raw_spin_lock_init(lock) RQLOCKDEP_INIT_WITH_KEY(rqlockdep_raw_spinlock_init, lock, #lock)

#define RQLOCKDEP_INIT_WITH_KEY(function, lock, name)                           \
  do {                                                                          \
    static const struct rqlockdep_lock_class rqlockdep_key = {(name), 0, 0, 0}; \
    function((lock), &rqlockdep_key);                                           \
  } while (0)
/* `key` must outlive the lock. */
void rqlockdep_rqspinlock_init(rqspinlock_t* lock, const struct rqlockdep_lock_class* key);
void rqlockdep_raw_spinlock_init(raw_spinlock_t* lock, const struct rqlockdep_lock_class* key);

/* --- Resilient locks ---------------------------------------------------------------------------
 */

/* The bare lock: neither signals nor the preemption count are touched. */
RQLOCKDEP_MUST_CHECK int res_spin_lock(rqspinlock_t* lock);
void res_spin_unlock(rqspinlock_t* lock);

/* With preemption off while the lock is held. The subclass, 0 to 7, is for the validator. */
RQLOCKDEP_MUST_CHECK int raw_res_spin_lock(rqspinlock_t* lock);
RQLOCKDEP_MUST_CHECK int raw_res_spin_lock_nested(rqspinlock_t* lock, unsigned int subclass);
void raw_res_spin_unlock(rqspinlock_t* lock);

/* With interrupts and preemption off while the lock is held. */
#define raw_res_spin_lock_irqsave(lock, flags) rqlockdep_raw_res_spin_lock_irqsave((lock), &(flags))
#define raw_res_spin_unlock_irqrestore(lock, flags) \
  rqlockdep_raw_res_spin_unlock_irqrestore((lock), (flags))
RQLOCKDEP_MUST_CHECK int rqlockdep_raw_res_spin_lock_irqsave(rqspinlock_t* lock,
                                                             unsigned long* flags);
void rqlockdep_raw_res_spin_unlock_irqrestore(rqspinlock_t* lock, unsigned long flags);

/* --- Regular locks -----------------------------------------------------------------------------
 */

/* With preemption off while the lock is held. */
void raw_spin_lock(raw_spinlock_t* lock);
void raw_spin_lock_nested(raw_spinlock_t* lock, unsigned int subclass);
/* `nest`, which the caller holds, serialises those who take several locks of this class. */
void raw_spin_lock_nest_lock(raw_spinlock_t* lock, raw_spinlock_t* nest);
/* 1 if the lock was free and is the caller's now, else 0. */
RQLOCKDEP_MUST_CHECK int raw_spin_trylock(raw_spinlock_t* lock);
void raw_spin_unlock(raw_spinlock_t* lock);

/* With interrupts and preemption off while the lock is held. */
#define raw_spin_lock_irqsave(lock, flags) \
  ((void)((flags) = rqlockdep_raw_spin_lock_irqsave((lock))))
#define raw_spin_unlock_irqrestore(lock, flags) \
  rqlockdep_raw_spin_unlock_irqrestore((lock), (flags))
unsigned long rqlockdep_raw_spin_lock_irqsave(raw_spinlock_t* lock);
void rqlockdep_raw_spin_unlock_irqrestore(raw_spinlock_t* lock, unsigned long flags);

/* How many sections with preemption off the calling thread is in. */
int rqlockdep_preempt_count(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

/* NOLINTEND(modernize-use-using, readability-identifier-naming) */

#endif /* RQLOCKDEP_RES_SPIN_LOCK_H_ */
