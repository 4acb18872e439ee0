/* Concurrency Kit's MCS lock, called: its headers are C and do not compile as C++. The call, about
 * 1 ns for each function, counts as part of the lock. */
#ifndef RQLOCKDEP_TESTS_BENCHMARK_CK_MCS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_CK_MCS_H_

#ifdef __cplusplus
extern "C" {
#endif

/* A waiter's place in the queue; as large as Concurrency Kit's, which ck_mcs.c checks. */
struct CkMcsNode {
  void* opaque[2];
};

void CkMcsLock(void** queue, struct CkMcsNode* node);
void CkMcsUnlock(void** queue, struct CkMcsNode* node);

#ifdef __cplusplus
}
#endif

#endif /* RQLOCKDEP_TESTS_BENCHMARK_CK_MCS_H_ */
