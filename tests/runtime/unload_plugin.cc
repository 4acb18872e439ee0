// A library with locks of every sort of class, built twice: RQLOCKDEP_PLUGIN is its number. The two
// have the same layout, so that the second lies where the first was, and take their locks in
// opposite orders.
#include <memory>
#include <mutex>

#include "rqlockdep/lock_class.h"
#include "rqlockdep/validated.h"

namespace {

using rqlockdep::LockClass;
using Mutex = rqlockdep::Validated<std::mutex>;

#if RQLOCKDEP_PLUGIN == 1
constexpr char kExplicitA[] = "one.a";
constexpr char kExplicitB[] = "one.b";
bool Order(const void*, const void*) { return true; }
#else
constexpr char kExplicitA[] = "two.a";
constexpr char kExplicitB[] = "two.b";
bool Order(const void*, const void*) { return false; }
#endif

constinit LockClass class_a(kExplicitA);
constinit LockClass class_b(kExplicitB);
constinit LockClass ordered_class("ordered", &Order);

constinit Mutex static_a;
constinit Mutex static_b;

// Construction sites.
[[gnu::noinline]] std::unique_ptr<Mutex> MakeA() { return std::make_unique<Mutex>(); }
[[gnu::noinline]] std::unique_ptr<Mutex> MakeB() { return std::make_unique<Mutex>(); }

void Nest(Mutex& first, Mutex& second) {
  const std::scoped_lock outer(first);
  const std::scoped_lock inner(second);
}

void NestEach(bool a_first) {
  Mutex explicit_a(class_a);
  Mutex explicit_b(class_b);
  const std::unique_ptr<Mutex> site_a = MakeA();
  const std::unique_ptr<Mutex> site_b = MakeB();
  for (auto [a, b] : {std::pair{&explicit_a, &explicit_b}, std::pair{&static_a, &static_b},
                      std::pair{site_a.get(), site_b.get()}}) {
    a_first ? Nest(*a, *b) : Nest(*b, *a);
  }
}

}  // namespace

extern "C" {
// Where it lies.
const void* PluginAddress() { return &class_a; }
// The order of this library, which is not that of the other.
void PluginRun() { NestEach(RQLOCKDEP_PLUGIN == 1); }
// Both orders of its own: three inversions.
void PluginInvert() { NestEach(RQLOCKDEP_PLUGIN != 1); }
// Two of the class with the order function.
void PluginNestOrdered() {
  Mutex first(ordered_class);
  Mutex second(ordered_class);
  Nest(first, second);
}
// A lock that outlives the library's code.
void* PluginMake() { return std::make_unique<Mutex>(class_a).release(); }
}
