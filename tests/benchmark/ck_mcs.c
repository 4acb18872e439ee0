#include "tests/benchmark/ck_mcs.h"

#include <ck_spinlock.h>

_Static_assert(sizeof(struct CkMcsNode) == sizeof(ck_spinlock_mcs_context_t), "another size");
_Static_assert(_Alignof(struct CkMcsNode) >= _Alignof(ck_spinlock_mcs_context_t), "misaligned");

void CkMcsLock(void** queue, struct CkMcsNode* node) {
  ck_spinlock_mcs_lock((ck_spinlock_mcs_t*)queue, (ck_spinlock_mcs_context_t*)node);
}

void CkMcsUnlock(void** queue, struct CkMcsNode* node) {
  ck_spinlock_mcs_unlock((ck_spinlock_mcs_t*)queue, (ck_spinlock_mcs_context_t*)node);
}
