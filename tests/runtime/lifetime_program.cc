// Uses validated locks at every time of a process's life, and makes an inversion at the one that
// its environment names (RQLOCKDEP_TEST_WHEN). lifetime_test.sh looks at what becomes of it.
#include <limits.h>
#include <pthread.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/validated.h"

namespace {

bool Is(const char* when) {
  const char* wanted = std::getenv("RQLOCKDEP_TEST_WHEN");
  return wanted != nullptr && std::strcmp(wanted, when) == 0;
}

struct Pair {
  rqlockdep::Validated<std::mutex> a;
  rqlockdep::QueuedSpinlock b;
  rqlockdep::Validated<std::mutex> c;

  // In one order always, and now in the other.
  void Use(const char* when) {
    {
      const std::scoped_lock outer(a);
      const std::scoped_lock inner(c);
      const std::scoped_lock innermost(b);
    }
    if (!Is(when)) return;
    const std::scoped_lock outer(c);
    const std::scoped_lock inner(a);
  }
};

// Constant-initialised: there before everything and, having no destructor that runs, after it.
Pair& Shared() {
  static auto* const pair = new Pair;
  return *pair;
}

// If its environment says so, the program has all thread-specific keys, before the library could
// have one.
pthread_key_t keys[PTHREAD_KEYS_MAX];
size_t key_count = 0;
[[gnu::constructor(101)]] void TakeAllKeys() {
  if (std::getenv("RQLOCKDEP_TEST_NO_KEYS") == nullptr) return;
  while (key_count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[key_count], nullptr) == 0) {
    ++key_count;
  }
}
// Nobody else has written to them in this thread, which has not used them.
void CheckKeys() {
  for (size_t i = 0; i < key_count; ++i) {
    if (pthread_getspecific(keys[i]) != nullptr) std::printf("key %u was used\n", keys[i]);
  }
}

[[gnu::constructor(102)]] void Early() { Shared().Use("early-constructor"); }

struct StaticObject {
  StaticObject() { Shared().Use("static-constructor"); }
  ~StaticObject() {
    own.Use("");
    Shared().Use("static-destructor");
  }
  Pair own;
};
StaticObject static_object;

struct ThreadLocalObject {
  explicit ThreadLocalObject(const char* destroyed) : when(destroyed) { own.Use(""); }
  ~ThreadLocalObject() {
    own.Use("");
    Shared().Use(when);
  }
  const char* when;
  Pair own;
};

void UseThreadLocal(const char* when) {
  thread_local ThreadLocalObject object(when);
  object.own.Use("");
}

[[gnu::destructor]] void Late() { Shared().Use("late-destructor"); }

}  // namespace

int main() {
  std::atexit([] { Shared().Use("atexit"); });
  Shared().Use("main");
  UseThreadLocal("main-thread-local");
  std::thread([] {
    UseThreadLocal("thread-local");
    CheckKeys();
  }).join();
  std::printf("main is over\n");
  return 0;
}
