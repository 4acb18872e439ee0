#include "validator/runtime/class_resolver.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <new>
#include <string>

#include "tests/unit/test_lock.h"
#include "validator/runtime/static_symbol.h"

namespace rqlockdep {

struct Pair {
  TestLock a;
  TestLock b;
};

struct Bucket {
  void* head = nullptr;
  TestLock lock;
  uint64_t count = 0;
};

struct Queue {
  TestLock head_lock;
  void* head = nullptr;
  TestLock tail_lock;
  void* tail = nullptr;
};

struct Tables {
  std::array<TestLock, 3> first;
  int between = 0;
  TestLock single;
  std::array<TestLock, 2> second;
};

// g++ constructs the first ones by code that runs before main(), clang does it while compiling.
TestLock plain_static;
static TestLock internal_static;
TestLock plain_array[3];
std::array<TestLock, 3> plain_std_array;
Pair plain_pair;
Pair another_pair;

constinit TestLock constinit_lock;
constinit TestLock constinit_lock_2;
constinit TestLock constinit_array[3];
constinit TestLock constinit_matrix[2][2];
constinit std::array<TestLock, 3> constinit_std_array;
constinit Pair constinit_pair;
constinit Tables constinit_tables;
struct Mixed {
  TestLock a;
  int between = 0;
  TestLock b;
};
constinit Mixed braced_mixed{};
constinit Bucket small_table[4];
constinit Bucket odd_table[9];
constinit Bucket large_table[4096];  // more than is searched
constinit Queue queues[16];
constinit std::array<Bucket, 11> std_table;
constinit thread_local TestLock thread_lock;

namespace {

class ClassResolverTest : public testing::Test {
 protected:
  ClassKey Resolve(const TestLock& lock) { return resolver_.Resolve(lock.map); }
  uintptr_t Address(const TestLock& lock) { return Resolve(lock).address; }
  std::string Name(const TestLock& lock) {
    const ClassKey key = Resolve(lock);
    return key.name == nullptr ? "(null)" : key.name;
  }
  ClassKey::Type Type(const TestLock& lock) { return Resolve(lock).type; }

  ClassResolver resolver_;
};

TEST_F(ClassResolverTest, ExplicitClass) {
  static constinit LockClass lock_class("the name", [](const void*, const void*) { return true; });
  TestLock lock(lock_class);
  const ClassKey key = Resolve(lock);
  EXPECT_EQ(key.type, ClassKey::Type::kExplicit);
  EXPECT_EQ(key.address, reinterpret_cast<uintptr_t>(&lock_class));
  EXPECT_STREQ(key.name, "the name");
  EXPECT_EQ(key.order, lock_class.order());
}

TEST_F(ClassResolverTest, LocalsAndHeapHaveASiteAndNoName) {
  TestLock local;
  auto heap = std::make_unique<TestLock>();
  for (const TestLock* lock : {&local, heap.get()}) {
    EXPECT_EQ(Type(*lock), ClassKey::Type::kSite);
    EXPECT_EQ(Name(*lock), "(null)");
    EXPECT_EQ(Address(*lock), reinterpret_cast<uintptr_t>(lock->map.key()));
  }
}

TEST_F(ClassResolverTest, StaticsHaveTheirVariablesName) {
  EXPECT_EQ(Name(plain_static), "rqlockdep::plain_static");
  EXPECT_EQ(Name(internal_static), "rqlockdep::internal_static");
  EXPECT_NE(Address(plain_static), Address(internal_static));
  EXPECT_EQ(Name(constinit_lock), "rqlockdep::constinit_lock");
  EXPECT_EQ(Type(constinit_lock), ClassKey::Type::kSymbol);
  EXPECT_EQ(Address(constinit_lock), reinterpret_cast<uintptr_t>(&constinit_lock));
  EXPECT_NE(Address(constinit_lock), Address(constinit_lock_2));
}

TEST_F(ClassResolverTest, StaticLocals) {
  static TestLock first;
  static TestLock second;
  static constinit TestLock third;
  EXPECT_TRUE(Name(first).ends_with("::first")) << Name(first);
  EXPECT_TRUE(Name(second).ends_with("::second")) << Name(second);
  EXPECT_TRUE(Name(third).ends_with("::third")) << Name(third);
  EXPECT_NE(Address(first), Address(second));
  EXPECT_NE(Address(third), Address(second));
}

TEST_F(ClassResolverTest, ArraysShare) {
  for (const auto* array : {&plain_array, &constinit_array}) {
    EXPECT_EQ(Address((*array)[0]), Address((*array)[1]));
    EXPECT_EQ(Address((*array)[0]), Address((*array)[2]));
  }
  EXPECT_EQ(Name(plain_array[1]), "rqlockdep::plain_array");
  EXPECT_EQ(Name(constinit_array[1]), "rqlockdep::constinit_array");
  EXPECT_EQ(Address(constinit_matrix[0][0]), Address(constinit_matrix[1][1]));
  for (const auto* array : {&plain_std_array, &constinit_std_array}) {
    EXPECT_EQ(Address((*array)[0]), Address((*array)[1]));
    EXPECT_EQ(Address((*array)[0]), Address((*array)[2]));
  }
  EXPECT_EQ(Name(constinit_std_array[2]), "rqlockdep::constinit_std_array");
}

TEST_F(ClassResolverTest, MembersOfAStructApart) {
  EXPECT_NE(Address(plain_pair.a), Address(plain_pair.b));
  EXPECT_NE(Address(constinit_pair.a), Address(constinit_pair.b));
  EXPECT_EQ(Name(constinit_pair.a), "rqlockdep::constinit_pair");
  EXPECT_EQ(Name(constinit_pair.b), "rqlockdep::constinit_pair+0x20");
  EXPECT_NE(Address(braced_mixed.a), Address(braced_mixed.b));
#if !defined(__clang__) && !defined(__OPTIMIZE__)
  // Constructed by one constructor that runs: its sites.
  EXPECT_EQ(Address(plain_pair.a), Address(another_pair.a));
  EXPECT_EQ(Name(plain_pair.a), "(null)");
#endif
}

TEST_F(ClassResolverTest, StdArraysInAStruct) {
  EXPECT_EQ(Address(constinit_tables.first[0]), Address(constinit_tables.first[2]));
  EXPECT_EQ(Address(constinit_tables.second[0]), Address(constinit_tables.second[1]));
  EXPECT_NE(Address(constinit_tables.first[0]), Address(constinit_tables.second[0]));
  EXPECT_NE(Address(constinit_tables.first[0]), Address(constinit_tables.single));
  EXPECT_NE(Address(constinit_tables.second[0]), Address(constinit_tables.single));
}

TEST_F(ClassResolverTest, ArraysOfStructs) {
  // An odd number: every element shares.
  for (const Bucket& bucket : odd_table)
    EXPECT_EQ(Address(bucket.lock), Address(odd_table[0].lock));
  for (const Bucket& bucket : std_table)
    EXPECT_EQ(Address(bucket.lock), Address(std_table[0].lock));
#if defined(__clang__)
  EXPECT_EQ(Name(odd_table[8].lock), "rqlockdep::odd_table+0x8");
  // Too few to be sure.
  EXPECT_NE(Address(small_table[0].lock), Address(small_table[1].lock));
#endif
  // An even number: the even ones share, and the odd ones.
  for (size_t i = 0; i < std::size(large_table); ++i) {
    ASSERT_EQ(Address(large_table[i].lock), Address(large_table[i % 2].lock)) << i;
  }
}

TEST_F(ClassResolverTest, MembersInArraysOfSymmetricStructsStayApart) {
#if !defined(__clang__)
  GTEST_SKIP() << "g++ 12 does not construct them; see static_symbol.h";
#endif
  for (const Queue& queue : queues) {
    EXPECT_EQ(Address(queue.head_lock), Address(queues[0].head_lock));
    EXPECT_EQ(Address(queue.tail_lock), Address(queues[0].tail_lock));
  }
  EXPECT_NE(Address(queues[0].head_lock), Address(queues[0].tail_lock));
}

// What was written to a lock, and to data around it, does not matter.
TEST_F(ClassResolverTest, ArraysInUse) {
  for (Bucket& bucket : odd_table) {
    static uint32_t id = 1;
    bucket.lock.map.class_id.store(id++);
    bucket.lock.map.asked_subclasses.store(3);
    bucket.head = &bucket;
    bucket.count = id * 77;
  }
  for (const Bucket& bucket : odd_table)
    EXPECT_EQ(Address(bucket.lock), Address(odd_table[0].lock));
}

TEST_F(ClassResolverTest, UnknownWhereNoVariableIs) {
  EXPECT_EQ(Type(thread_lock), ClassKey::Type::kUnknown);
  EXPECT_EQ(Address(thread_lock), reinterpret_cast<uintptr_t>(&thread_lock));
  // A constant-initialised lock that was copied away, as memcpy would.
  alignas(TestLock) char memory[sizeof(TestLock)];
  __builtin_memcpy(memory, static_cast<const void*>(&constinit_lock), sizeof(memory));
  const auto* copy = std::launder(reinterpret_cast<const TestLock*>(memory));
  EXPECT_EQ(Type(*copy), ClassKey::Type::kUnknown);
  EXPECT_EQ(Address(*copy), reinterpret_cast<uintptr_t>(copy));
}

TEST_F(ClassResolverTest, NamesAreStoredOnceAndStay) {
  const char* name = Resolve(constinit_array[0]).name;
  EXPECT_EQ(name, Resolve(constinit_array[2]).name);
  for (const Queue& queue : queues) Resolve(queue.head_lock);
  EXPECT_STREQ(name, "rqlockdep::constinit_array");
}

}  // namespace
}  // namespace rqlockdep
