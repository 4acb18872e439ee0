// How much memory the validator takes for classes, edges and instances: what is really mapped in,
// as the kernel counts it, in a large program. Stacks are apart: here there is only one.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <vector>

#include "tests/support/resident_memory.h"
#include "tests/support/uneventful_validator.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

class GraphMemoryTest : public ::testing::Test {
 protected:
  // Locks of a class each, in memory that is counted before it is used.
  void MakeLocks(size_t count) {
    locks_ = std::make_unique<hooks::LockMap*[]>(count);
    storage_.resize(count * sizeof(hooks::LockMap));
    for (size_t i = 0; i < count; ++i) {
      auto* map = new (storage_.data() + i * sizeof(hooks::LockMap))
          hooks::LockMap(LockKind::kMutex, any_class_);
      map->SetKey(hooks::LockMap::KeyType::kSite, reinterpret_cast<const void*>(16 * (i + 1)));
      locks_[i] = map;
    }
  }
  void Acquire(size_t i) { validator_->Acquire(*thread_, *locks_[i], {}, site_); }
  void Release(size_t i) { validator_->Release(*thread_, *locks_[i], site_); }
  // What one thread's cache of chains takes, which is not the graph's.
  double CacheBytes() const { return static_cast<double>(thread_->chains.bytes()); }

  const LockClass any_class_{"any"};
  OneStack environment_;
  NoFindings sink_;
  std::unique_ptr<Validator> validator_ =
      std::make_unique<Validator>(environment_, sink_, Validator::Options());
  ThreadState* thread_ = validator_->NewThread();
  const CallSite site_ = {{1}};
  std::vector<std::byte> storage_;
  std::unique_ptr<hooks::LockMap*[]> locks_;
};

TEST_F(GraphMemoryTest, PerClassEdgeAndInstance) {
  // Not a power of two: tables that just grew are part of the price. The seven tenths lie above
  // two thirds, the tables' limit, where they have just doubled.
  constexpr size_t kClasses = 92'000;
  constexpr size_t kEdgesPerClass = 8;
  MakeLocks(kClasses);
  Acquire(0);
  Release(0);

  double before = ResidentBytes() - CacheBytes();
  for (size_t i = 1; i < kClasses; ++i) {
    Acquire(i);
    Release(i);
  }
  const double per_class = (ResidentBytes() - CacheBytes() - before) / kClasses;
  ASSERT_EQ(validator_->graph().class_count(), kClasses);

  before = ResidentBytes() - CacheBytes();
  for (size_t i = 0; i + kEdgesPerClass < kClasses; ++i) {
    Acquire(i);
    for (size_t j = 1; j <= kEdgesPerClass; ++j) {
      Acquire(i + j);
      Release(i + j);
    }
    Release(i);
  }
  const uint32_t edges = validator_->graph().edge_count();
  ASSERT_EQ(edges, (kClasses - kEdgesPerClass) * kEdgesPerClass);
  const double per_edge = (ResidentBytes() - CacheBytes() - before) / edges;

  std::cout << "bytes: " << per_class << " a class, " << per_edge
            << " an edge with one observation, " << sizeof(hooks::LockMap) << " an instance, "
            << CacheBytes() / static_cast<double>(thread_->chains.size())
            << " a chain in each thread that takes it\n";
  EXPECT_LE(per_class, 200);
  EXPECT_LE(per_edge, 96);
  EXPECT_LE(sizeof(hooks::LockMap), 32U);
}

TEST_F(GraphMemoryTest, MoreInstancesOfAClassTakeNothingBesideTheirLockMap) {
  constexpr size_t kInstances = 100'000;
  MakeLocks(kInstances);
  for (size_t i = 0; i < kInstances; ++i) {
    locks_[i]->SetKey(hooks::LockMap::KeyType::kSite, reinterpret_cast<const void*>(16));
  }
  Acquire(0);
  Release(0);
  const double before = ResidentBytes();
  for (size_t i = 1; i < kInstances; ++i) {
    Acquire(i);
    Release(i);
  }
  EXPECT_EQ(validator_->graph().class_count(), 1U);
  EXPECT_LE((ResidentBytes() - before) / kInstances, 32 - sizeof(hooks::LockMap));
}

}  // namespace
}  // namespace rqlockdep
