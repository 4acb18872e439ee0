// A user's program with an inversion in it.
#include <mutex>

#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"

struct Cache {
  rqlockdep::Validated<std::mutex> entries;
  rqlockdep::Validated<std::mutex> statistics;
};

int main() {
  Cache cache;
  {
    const std::scoped_lock outer(cache.entries);
    const std::scoped_lock inner(cache.statistics);
  }
  {
    const std::scoped_lock outer(cache.statistics);
    const std::scoped_lock inner(cache.entries);
  }
  rqlockdep::ResilientSpinlock lock;
  if (lock.Acquire() != rqlockdep::LockResult::kOk) return 1;
  lock.unlock();
}
