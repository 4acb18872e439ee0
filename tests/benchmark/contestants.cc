#include "tests/benchmark/contestants.h"

#include "tests/benchmark/peers.h"
#include "tests/benchmark/ticks.h"

namespace rqlockdep::benchmark {
namespace {

// A function for each peer, so that the compiler sees the loop alone, and a lock with a constant
// address, as lock_benchmark.cc has it.
template <class Peer>
[[gnu::noinline]] uint64_t UncontendedTicks(int64_t pairs) {
  alignas(128) static Peer lock;
  typename Peer::Hold hold;
  const uint64_t begin = Ticks();
  for (; pairs > 0; --pairs) {
    lock.Lock(hold);
    asm volatile("" ::: "memory");
    lock.Unlock(hold);
  }
  return Ticks() - begin;
}

}  // namespace

const std::vector<Contestant>& AllContestants() {
  static const auto* all = [] {
    auto* contestants = new std::vector<Contestant>();
    ForEachPeer([contestants]<class Peer>() {
      contestants->push_back({Peer::kName, &UncontendedTicks<Peer>, &Contend<Peer>});
    });
    return contestants;
  }();
  return *all;
}

}  // namespace rqlockdep::benchmark
