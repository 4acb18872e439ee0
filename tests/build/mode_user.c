/* The same in C. */
#include "rqlockdep/res_spin_lock.h"

static DEFINE_RAW_SPINLOCK(mode_user_lock);

int main(void) {
  raw_spin_lock(&mode_user_lock);
  raw_spin_unlock(&mode_user_lock);
  return 0;
}
