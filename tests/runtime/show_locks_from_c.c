#include "rqlockdep/show_locks.h"

void ShowLocksFromC(void);

void ShowLocksFromC(void) { rqlockdep_show_all_locks(); }
