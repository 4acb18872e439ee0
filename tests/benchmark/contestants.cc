#include "tests/benchmark/contestants.h"

#include "tests/benchmark/peers.h"

namespace rqlockdep::benchmark {

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
