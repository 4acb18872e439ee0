// The search for rings of waiting threads against the words of docs/semantics.md, section 8: every
// cycle through the new waiter, the shortest first, then the one with the oldest waiter, and so on.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "validator/checks/wait_check.h"

namespace rqlockdep {
namespace {

// Threads by number, all waiting.
class WaitState {
 public:
  explicit WaitState(int threads) {
    for (int i = 0; i < threads; ++i) {
      states_.push_back(std::make_unique<ThreadState>(static_cast<ThreadId>(i + 1)));
    }
  }
  hooks::LockMap* Lock() { return &locks_.emplace_back(LockKind::kRwsem, class_); }

  void Hold(int thread, hooks::LockMap* lock, LockMode mode) { Push(thread, lock, mode, false); }
  void Wait(int thread, hooks::LockMap* lock, LockMode mode, uint64_t ticket,
            Strength strength = Strength::kBlocking) {
    ThreadState& state = *states_[thread];
    const rqlockdep::Wait wait{.ticket = ticket,
                               .lock = lock,
                               .record = state.held.depth(),
                               .mode = mode,
                               .strength = strength};
    Push(thread, lock, mode, true);
    state.wait.Publish(wait, nullptr, nullptr);
  }

  Waiter At(int thread) const { return {states_[thread].get(), states_[thread]->wait.Read()}; }
  std::vector<Waiter> All() const {
    std::vector<Waiter> all;
    for (size_t i = 0; i < states_.size(); ++i) all.push_back(At(static_cast<int>(i)));
    return all;
  }

 private:
  void Push(int thread, hooks::LockMap* lock, LockMode mode, bool waiting) {
    HeldStack& held = states_[thread]->held;
    HeldLock* record = held.Push(lock);
    record->SetFacts(AcquisitionFacts::Of(1, mode, Strength::kBlocking));
    record->SetWaiting(waiting);
    held.PublishPushed(*record);
  }

  std::vector<std::unique_ptr<ThreadState>> states_;
  LockClass class_{"class"};
  std::deque<hooks::LockMap> locks_;
};

using Ring = std::vector<ThreadId>;

Ring IdsOf(std::span<const Waiter> ring) {
  Ring ids;
  for (const Waiter& member : ring) ids.push_back(member.thread->id());
  return ids;
}

// A random state, with what the naive reference needs to know of it.
struct Sample {
  explicit Sample(std::mt19937_64& random) : threads(2 + random() % 6), state(threads) {
    const int locks = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < locks; ++i) maps.push_back(state.Lock());
    const LockMode modes[] = {LockMode::kExclusive, LockMode::kReader, LockMode::kRecursiveReader};
    holds.resize(threads);
    for (int i = 0; i < threads; ++i) {
      for (int count = static_cast<int>(random() % 3); count > 0; --count) {
        const Use use{static_cast<int>(random() % locks), modes[random() % 3]};
        holds[i].push_back(use);
        state.Hold(i, maps[use.lock], use.mode);
      }
      waits.push_back({static_cast<int>(random() % locks), modes[random() % 3]});
      tickets.push_back(i + 1);
    }
    std::shuffle(tickets.begin(), tickets.end(), random);
    for (int i = 0; i < threads; ++i) {
      bounded.push_back(random() % 4 == 0);
      state.Wait(i, maps[waits[i].lock], waits[i].mode, tickets[i],
                 bounded[i] ? Strength::kTimed : Strength::kBlocking);
    }
  }

  struct Use {
    int lock;
    LockMode mode;
  };

  bool WaitsFor(int waiter, int other) const {
    if (waiter == other) return false;
    const Use& asked = waits[waiter];
    for (const Use& held : holds[other]) {
      if (held.lock != asked.lock) continue;
      if (asked.mode == LockMode::kExclusive || held.mode == LockMode::kExclusive) return true;
    }
    return asked.mode == LockMode::kReader && waits[other].lock == asked.lock &&
           waits[other].mode == LockMode::kExclusive && tickets[other] < tickets[waiter];
  }

  // Every cycle through `first`, by its size and the ages of its members.
  void Collect(std::vector<int> path, std::vector<std::pair<std::vector<uint64_t>, Ring>>* all) {
    for (int next = 0; next < threads; ++next) {
      if (!WaitsFor(path.back(), next)) continue;
      if (next == path.front()) {
        std::vector<uint64_t> ages;
        Ring ring;
        for (const int member : path) {
          ages.push_back(tickets[member]);
          ring.push_back(static_cast<ThreadId>(member + 1));
        }
        std::sort(ages.begin(), ages.end());
        ages.insert(ages.begin(), path.size());
        all->push_back({ages, ring});
      } else if (std::find(path.begin(), path.end(), next) == path.end()) {
        std::vector<int> longer = path;
        longer.push_back(next);
        Collect(longer, all);
      }
    }
  }

  int threads;
  WaitState state;
  std::vector<hooks::LockMap*> maps;
  std::vector<std::vector<Use>> holds;
  std::vector<Use> waits;
  std::vector<uint64_t> tickets;
  std::vector<bool> bounded;
};

void ExpectEveryRingInOrder(RingFinder::Rings wanted_rings) {
  std::mt19937_64 random(static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed()) +
                         1);
  RingFinder finder;
  int rings = 0;
  int longest = 0;
  for (int i = 0; i < 20000; ++i) {
    Sample sample(random);
    const int first = static_cast<int>(random() % sample.threads);
    std::vector<std::pair<std::vector<uint64_t>, Ring>> expected;
    sample.Collect({first}, &expected);
    if (wanted_rings == RingFinder::Rings::kWithBoundedWaiter) {
      std::erase_if(expected, [&](const auto& ring) {
        return std::ranges::none_of(ring.second,
                                    [&](ThreadId id) { return sample.bounded[id - 1]; });
      });
    }
    std::sort(expected.begin(), expected.end());
    std::vector<Waiter> waiters = sample.state.All();
    std::shuffle(waiters.begin(), waiters.end(), random);
    finder.Clear();
    std::set<Ring> wanted;
    std::set<Ring> found;
    for (size_t k = 0; k < expected.size(); ++k) {
      const Ring ring = IdsOf(finder.Find(sample.state.At(first), waiters, wanted_rings));
      // Of rings with the same members any may be first.
      std::vector<uint64_t> ages;
      for (const ThreadId member : ring) ages.push_back(sample.tickets[member - 1]);
      std::sort(ages.begin(), ages.end());
      ages.insert(ages.begin(), ring.size());
      ASSERT_EQ(ages, expected[k].first);
      wanted.insert(expected[k].second);
      found.insert(ring);
    }
    ASSERT_EQ(found, wanted);
    ASSERT_TRUE(finder.Find(sample.state.At(first), waiters, wanted_rings).empty());
    rings += static_cast<int>(expected.size());
    for (const Ring& ring : found) longest = std::max(longest, static_cast<int>(ring.size()));
  }
  EXPECT_GT(rings, 5000);
  EXPECT_GT(longest, 4);
}

TEST(RingFinderTest, FindsEveryRingInOrder) { ExpectEveryRingInOrder(RingFinder::Rings::kAll); }

TEST(RingFinderTest, FindsEveryRingWithABoundedWaiterInOrder) {
  ExpectEveryRingInOrder(RingFinder::Rings::kWithBoundedWaiter);
}

TEST(RingFinderTest, ALongRingAmongManyBystanders) {
  constexpr int kRing = 1000;
  constexpr int kBystanders = 1000;
  WaitState state(kRing + kBystanders);
  std::vector<hooks::LockMap*> locks;
  for (int i = 0; i < kRing; ++i) locks.push_back(state.Lock());
  for (int i = 0; i < kRing; ++i) {
    state.Hold(i, locks[i], LockMode::kExclusive);
    state.Wait(i, locks[(i + 1) % kRing], LockMode::kExclusive, i + 1);
  }
  for (int i = 0; i < kBystanders; ++i) {
    state.Wait(kRing + i, locks[i], LockMode::kExclusive, kRing + i + 1);
  }
  const std::vector<Waiter> waiters = state.All();
  RingFinder finder;
  EXPECT_EQ(finder.Find(state.At(7), waiters).size(), size_t{kRing});
  EXPECT_TRUE(finder.Find(state.At(7), waiters).empty());
  EXPECT_TRUE(finder.Find(state.At(kRing + 7), waiters).empty());
}

// Twelve layers of ten readers each: more ways than anybody can go.
TEST(RingFinderTest, TheFirstRingIsFoundAmongVeryManyWays) {
  constexpr int kLayers = 12;
  constexpr int kWidth = 10;
  WaitState state(kLayers * kWidth + 1);
  std::vector<hooks::LockMap*> locks;
  for (int i = 0; i <= kLayers; ++i) locks.push_back(state.Lock());
  const int last = kLayers * kWidth;
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int i = 0; i < kWidth; ++i) {
      const int thread = layer * kWidth + i;
      state.Hold(thread, locks[layer], LockMode::kReader);
      state.Wait(thread, locks[layer + 1], LockMode::kExclusive, thread + 1);
    }
  }
  state.Hold(last, locks[kLayers], LockMode::kExclusive);
  state.Wait(last, locks[0], LockMode::kExclusive, last + 1);
  RingFinder finder;
  EXPECT_EQ(finder.Find(state.At(last), state.All()).size(), size_t{kLayers + 1});
}

}  // namespace
}  // namespace rqlockdep
