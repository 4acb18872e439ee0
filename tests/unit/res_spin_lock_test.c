/* The kernel-style interface from C11. A test without a framework: says what failed and ends
 * with 1. */
#define _GNU_SOURCE /* signals, which -std=c11 hides */
#include "rqlockdep/res_spin_lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define EXPECT(condition)                                              \
  do {                                                                 \
    if (!(condition)) {                                                \
      printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                      \
    }                                                                  \
  } while (0)

_Static_assert(RQLOCKDEP_VALIDATOR || sizeof(rqspinlock_t) == 4, "4 bytes without the validator");
_Static_assert(RQLOCKDEP_VALIDATOR || sizeof(raw_spinlock_t) == 4, "4 bytes without the validator");

static DEFINE_RQSPINLOCK(resilient);
static DEFINE_RAW_SPINLOCK(regular);

static int IsBlocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  return sigismember(&mask, signal);
}

static int AnyAsynchronousBlocked(void) {
  return IsBlocked(SIGINT) || IsBlocked(SIGUSR1) || IsBlocked(SIGALRM) || IsBlocked(SIGRTMIN) ||
         IsBlocked(SIGRTMAX);
}

static int AllAsynchronousBlocked(void) {
  return IsBlocked(SIGINT) && IsBlocked(SIGUSR1) && IsBlocked(SIGALRM) && IsBlocked(SIGRTMIN) &&
         IsBlocked(SIGRTMAX);
}

static int AnySynchronousBlocked(void) {
  return IsBlocked(SIGSEGV) || IsBlocked(SIGBUS) || IsBlocked(SIGFPE) || IsBlocked(SIGILL) ||
         IsBlocked(SIGTRAP) || IsBlocked(SIGSYS) || IsBlocked(SIGABRT);
}

/* The signals that the kernel sees as blocked, libc's own included. */
static unsigned long KernelMask(void) {
  unsigned long mask = 0;
  char line[256];
  FILE* const status = fopen("/proc/thread-self/status", "r");
  while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
    if (strncmp(line, "SigBlk:", 7) == 0) mask = strtoul(line + 7, NULL, 16);
  }
  if (status != NULL) fclose(status);
  return mask;
}

static void TestBare(void) {
  EXPECT(res_spin_lock(&resilient) == 0);
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(res_spin_lock(&resilient) == -EDEADLK);
  res_spin_unlock(&resilient);
  res_spin_unlock(&resilient); /* not held: nothing */
  EXPECT(res_spin_lock(&resilient) == 0);
  res_spin_unlock(&resilient);
}

static void TestPreemption(void) {
  EXPECT(raw_res_spin_lock(&resilient) == 0);
  EXPECT(rqlockdep_preempt_count() == 1);
  EXPECT(raw_res_spin_lock(&resilient) == -EDEADLK);
  EXPECT(rqlockdep_preempt_count() == 1);
  raw_spin_lock(&regular);
  EXPECT(rqlockdep_preempt_count() == 2);
  EXPECT(raw_spin_trylock(&regular) == 0);
  EXPECT(rqlockdep_preempt_count() == 2);
  raw_spin_unlock(&regular);
  raw_res_spin_unlock(&resilient);
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(raw_spin_trylock(&regular) == 1);
  EXPECT(rqlockdep_preempt_count() == 1);
  raw_spin_unlock(&regular);
  EXPECT(rqlockdep_preempt_count() == 0);
}

static void TestInterrupts(void) {
  unsigned long outer = 0;
  unsigned long inner = 0;
  EXPECT(!AnyAsynchronousBlocked());
  EXPECT(raw_res_spin_lock_irqsave(&resilient, outer) == 0);
  EXPECT(AllAsynchronousBlocked() && !AnySynchronousBlocked());
  EXPECT((KernelMask() >> 31 & 3) == 0); /* 32 and 33 are libc's */
  EXPECT(rqlockdep_preempt_count() == 1);
  raw_spin_lock_irqsave(&regular, inner);
  EXPECT(rqlockdep_preempt_count() == 2);
  raw_spin_unlock_irqrestore(&regular, inner);
  EXPECT(AllAsynchronousBlocked()); /* as it was before the inner one */
  /* A failure restores, too: to what it was. */
  EXPECT(raw_res_spin_lock_irqsave(&resilient, inner) == -EDEADLK);
  EXPECT(AllAsynchronousBlocked());
  EXPECT(rqlockdep_preempt_count() == 1);
  raw_res_spin_unlock_irqrestore(&resilient, outer);
  EXPECT(!AnyAsynchronousBlocked());
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(raw_res_spin_lock(&resilient) == 0);
  EXPECT(raw_res_spin_lock_irqsave(&resilient, outer) == -EDEADLK);
  EXPECT(!AnyAsynchronousBlocked());
  raw_res_spin_unlock(&resilient);
}

/* A mix-up of the two kinds of unlock, both ways, is a bug of the caller: the lock is free all the
 * same, and the signal mask is what the calls that were made say. */
static void TestInterruptsMismatch(void) {
  unsigned long flags = 0;
  unsigned long blocked = 0;
  EXPECT(raw_res_spin_lock_irqsave(&resilient, flags) == 0);
  raw_res_spin_unlock(&resilient);
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(AllAsynchronousBlocked()); /* nobody gave `flags` back */
  EXPECT(raw_res_spin_lock_irqsave(&resilient, blocked) == 0);
  raw_res_spin_unlock_irqrestore(&resilient, flags); /* of the first, not of this one */
  EXPECT(!AnyAsynchronousBlocked());
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(raw_res_spin_lock(&resilient) == 0);
  raw_res_spin_unlock_irqrestore(&resilient, blocked);
  EXPECT(AllAsynchronousBlocked());
  EXPECT(rqlockdep_preempt_count() == 0);
  EXPECT(raw_res_spin_lock(&resilient) == 0); /* it is free */
  raw_res_spin_unlock_irqrestore(&resilient, flags);
  EXPECT(!AnyAsynchronousBlocked());
}

/* What the program itself had blocked stays blocked. */
static void TestOwnMaskIsKept(void) {
  unsigned long flags = 0;
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &mine, NULL);
  EXPECT(raw_res_spin_lock_irqsave(&resilient, flags) == 0);
  raw_res_spin_unlock_irqrestore(&resilient, flags);
  EXPECT(IsBlocked(SIGUSR2) && !AnyAsynchronousBlocked());
  pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

static volatile sig_atomic_t handler_ran;
static volatile sig_atomic_t count_in_handler = -1;
static void OnSignal(int signal) {
  (void)signal;
  handler_ran = 1;
  count_in_handler = rqlockdep_preempt_count();
}

/* A signal waits for the end of the section, and by then everything else is undone. */
static void TestSignalWaits(void) {
  unsigned long flags = 0;
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = OnSignal;
  sigaction(SIGUSR1, &action, NULL);
  EXPECT(raw_res_spin_lock_irqsave(&resilient, flags) == 0);
  pthread_kill(pthread_self(), SIGUSR1);
  EXPECT(!handler_ran);
  raw_res_spin_unlock_irqrestore(&resilient, flags);
  EXPECT(!IsBlocked(SIGUSR1)); /* TSan runs handlers in its interceptors only, as of this call */
  EXPECT(handler_ran);
  EXPECT(count_in_handler == 0);
}

static void* TimesOut(void* argument) {
  unsigned long flags = 0;
  (void)argument;
  EXPECT(raw_res_spin_lock_irqsave(&resilient, flags) == -ETIMEDOUT);
  EXPECT(!AnyAsynchronousBlocked());
  EXPECT(rqlockdep_preempt_count() == 0);
  return NULL;
}

static void TestTimeout(void) {
  pthread_t thread;
  EXPECT(res_spin_lock(&resilient) == 0);
  pthread_create(&thread, NULL, TimesOut, NULL);
  pthread_join(thread, NULL);
  res_spin_unlock(&resilient);
}

/* Whatever was in the memory. */
static void TestInit(void) {
  struct {
    rqspinlock_t resilient;
    raw_spinlock_t regular;
  } locks;
  memset(&locks, 0xa5, sizeof(locks));
  raw_res_spin_lock_init(&locks.resilient);
  raw_spin_lock_init(&locks.regular);
  EXPECT(raw_res_spin_lock_nested(&locks.resilient, 1) == 0);
  raw_spin_lock_nested(&locks.regular, 1);
  raw_spin_unlock(&locks.regular);
  raw_res_spin_unlock(&locks.resilient);
}

int main(void) {
  TestBare();
  TestPreemption();
  TestInterrupts();
  TestInterruptsMismatch();
  TestOwnMaskIsKept();
  TestSignalWaits();
  TestTimeout();
  TestInit();
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
