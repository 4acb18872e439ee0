// A program that uses the locks, for link_error_test.sh.
#include "rqlockdep/queued_spinlock.h"

rqlockdep::QueuedSpinlock mode_user_lock;

int main() {
  mode_user_lock.lock();
  mode_user_lock.unlock();
  return 0;
}
