// An existing class, validated by changing one line.
//
// Cache was written with std::mutex. The line marked below is the only one that changed. Get takes
// the entries' lock and then the statistics' lock; Report takes them the other way round. The
// program below never hangs, since it has one thread. The validator reports the two orders all the
// same, with the lines where they are, and the program ends with the status 66 instead of 0.
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "rqlockdep/validated.h"

namespace {

class Cache {
 public:
  void Put(const std::string& key, int value) {
    const std::lock_guard guard(entries_mutex_);
    entries_[key] = value;
  }

  int Get(const std::string& key) {
    const std::lock_guard guard(entries_mutex_);
    const auto entry = entries_.find(key);
    const std::lock_guard statistics_guard(statistics_mutex_);
    ++(entry == entries_.end() ? misses_ : hits_);
    return entry == entries_.end() ? 0 : entry->second;
  }

  void Report() {
    const std::lock_guard statistics_guard(statistics_mutex_);
    const std::lock_guard guard(entries_mutex_);
    std::printf("%zu entries, %d hits, %d misses\n", entries_.size(), hits_, misses_);
  }

 private:
  using Mutex = rqlockdep::Validated<std::mutex>;  // was: using Mutex = std::mutex;

  Mutex entries_mutex_;
  Mutex statistics_mutex_;
  std::map<std::string, int> entries_;
  int hits_ = 0;
  int misses_ = 0;
};

}  // namespace

int main() {
  Cache cache;
  cache.Put("one", 1);
  cache.Get("one");
  cache.Get("two");
  cache.Report();
}
