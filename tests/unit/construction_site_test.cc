#include "validator/runtime/construction_site.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/test_lock.h"
#include "validator/runtime/elf_symbols.h"

namespace rqlockdep {
namespace {

using KeyType = hooks::LockMap::KeyType;

const void* Site(const TestLock& lock) {
  EXPECT_EQ(lock.map.key_type(), KeyType::kSite);
  return lock.map.key();
}

// The function that a site lies in.
std::string FunctionOf(const TestLock& lock) {
  ElfSymbol symbol;
  if (!FindSymbol(reinterpret_cast<uintptr_t>(Site(lock)) - 1, SymbolType::kFunction, &symbol)) {
    return "(none)";
  }
  char name[512];
  DemangleSymbol(symbol.name, name, sizeof(name));
  return name;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct TwoMembers {
  TestLock a;
  TestLock b;
};

struct Explicit {
  Explicit() {}
  TestLock a;
  int between = 0;
  TestLock b;
};

struct Outer {
  TwoMembers first;
  TwoMembers second;
};

[[gnu::noinline]] TwoMembers* NewHere() { return new TwoMembers; }
[[gnu::noinline]] TwoMembers* NewThere() { return new TwoMembers; }

TEST(ConstructionSiteTest, TwoLocalsApart) {
  TestLock a;
  TestLock b;
  EXPECT_NE(Site(a), Site(b));
  EXPECT_TRUE(Contains(FunctionOf(a), "TestBody")) << FunctionOf(a);
}

TEST(ConstructionSiteTest, MembersOfAStructWithImplicitConstructor) {
  std::unique_ptr<TwoMembers> here(NewHere());
  std::unique_ptr<TwoMembers> there(NewThere());
  EXPECT_NE(Site(here->a), Site(here->b));
#if !defined(__OPTIMIZE__)
  // One constructor: the same two sites, whoever calls it. (Optimised, it is inlined into both.)
  EXPECT_EQ(Site(here->a), Site(there->a));
  EXPECT_EQ(Site(here->b), Site(there->b));
  EXPECT_TRUE(Contains(FunctionOf(here->a), "TwoMembers::TwoMembers()")) << FunctionOf(here->a);
#endif
}

TEST(ConstructionSiteTest, MembersWithExplicitConstructor) {
  Explicit object;
  EXPECT_NE(Site(object.a), Site(object.b));
}

TEST(ConstructionSiteTest, MembersOfMembersShareTheirConstructor) {
  Outer outer;
  EXPECT_NE(Site(outer.first.a), Site(outer.first.b));
#if !defined(__OPTIMIZE__)
  EXPECT_EQ(Site(outer.first.a), Site(outer.second.a));
#endif
}

TEST(ConstructionSiteTest, ArrayElementsShare) {
  TestLock locks[5];
  auto on_heap = std::make_unique<TestLock[]>(5);
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(Site(locks[i]), Site(locks[0]));
    EXPECT_EQ(Site(on_heap[i]), Site(on_heap[0]));
  }
  EXPECT_NE(Site(locks[0]), Site(on_heap[0]));
  EXPECT_TRUE(Contains(FunctionOf(on_heap[0]), "TestBody")) << FunctionOf(on_heap[0]);
}

TEST(ConstructionSiteTest, StdArrayElementsShareAndGetTheOwnersSite) {
  std::array<TestLock, 3> first;
  std::array<TestLock, 3> second;
  EXPECT_EQ(Site(first[0]), Site(first[2]));
  EXPECT_NE(Site(first[0]), Site(second[0]));
  EXPECT_TRUE(Contains(FunctionOf(first[0]), "TestBody")) << FunctionOf(first[0]);
}

struct Owner {
  std::vector<TestLock> one = std::vector<TestLock>(4);
  std::vector<TestLock> two;
  std::optional<TestLock> maybe;
  std::unique_ptr<TestLock> pointer = std::make_unique<TestLock>();
  Owner() : two(3) { maybe.emplace(); }
};

TEST(ConstructionSiteTest, LocksInContainersGetTheirOwnersSite) {
  Owner owner;
  Owner other;
  const TestLock* locks[] = {&owner.one[0], &owner.two[0], &*owner.maybe, owner.pointer.get()};
  for (const TestLock* lock : locks) {
    EXPECT_TRUE(Contains(FunctionOf(*lock), "Owner::Owner()") ||
                Contains(FunctionOf(*lock), "TestBody"))
        << FunctionOf(*lock);
    for (const TestLock* another : locks) {
      EXPECT_EQ(lock == another, Site(*lock) == Site(*another));
    }
  }
  for (const TestLock& lock : owner.one) EXPECT_EQ(Site(lock), Site(owner.one[0]));
  for (const TestLock& lock : owner.two) EXPECT_EQ(Site(lock), Site(owner.two[0]));
#if !defined(__OPTIMIZE__)
  EXPECT_EQ(Site(owner.one[0]), Site(other.one[0]));
  EXPECT_EQ(Site(owner.two[0]), Site(other.two[0]));
  EXPECT_EQ(Site(*owner.maybe), Site(*other.maybe));
  EXPECT_EQ(Site(*owner.pointer), Site(*other.pointer));
#endif
}

TEST(ConstructionSiteTest, VectorsAndOptionalsInOneFunctionApart) {
  std::vector<TestLock> a(2);
  std::vector<TestLock> b(2);
  std::optional<TestLock> c(std::in_place);
  std::optional<TestLock> d(std::in_place);
  auto e = std::make_unique<TestLock>();
  auto f = std::make_unique<TestLock>();
  auto g = std::make_shared<TestLock>();
  std::deque<TestLock> h(2);
  std::map<int, TestLock> i;
  i[1];
  const void* sites[] = {Site(a[0]), Site(b[0]), Site(*c),   Site(*d),  Site(*e),
                         Site(*f),   Site(*g),   Site(h[0]), Site(i[1])};
  for (const void*& x : sites) {
    for (const void*& y : sites) EXPECT_EQ(&x == &y, x == y) << (&x - sites) << " " << (&y - sites);
  }
#if !defined(__OPTIMIZE__)  // g++ -O2 peels the first element off the loop
  EXPECT_EQ(Site(a[0]), Site(a[1]));
#endif
  EXPECT_TRUE(Contains(FunctionOf(i[1]), "TestBody")) << FunctionOf(i[1]);
}

// Structs of the program's in containers keep their constructor's sites.
TEST(ConstructionSiteTest, StructsInVectors) {
  std::vector<TwoMembers> vector(3);
  EXPECT_NE(Site(vector[0].a), Site(vector[0].b));
  EXPECT_EQ(Site(vector[0].a), Site(vector[2].a));
}

// What the program passes to a library is the program's code.
TEST(ConstructionSiteTest, CallbacksAreTheProgramsCode) {
  std::function<const void*()> callback = [] {
    TestLock lock;
    return Site(lock);
  };
  const void* sites[3] = {};
  for (const void*& site : sites) std::thread([&] { site = callback(); }).join();
  EXPECT_EQ(sites[0], sites[1]);
  EXPECT_EQ(sites[0], sites[2]);
#if !defined(__OPTIMIZE__)  // else it may be inlined into the library's code that calls it
  ElfSymbol symbol;
  ASSERT_TRUE(
      FindSymbol(reinterpret_cast<uintptr_t>(sites[0]) - 1, SymbolType::kFunction, &symbol));
  EXPECT_FALSE(IsLibraryFunction(symbol.name)) << symbol.name;
#endif
}

TEST(ConstructionSiteTest, TheSameWayTwiceAndAnotherWay) {
  // The second and third element of each come the same way as the first, which takes the short cut.
  const void* sites[3];
  for (int round = 0; round < 3; ++round) {
    auto lock = std::make_unique<TestLock>();
    sites[round] = Site(*lock);
    auto between = std::make_unique<TestLock>();
    EXPECT_NE(Site(*between), sites[round]);
  }
  EXPECT_EQ(sites[0], sites[1]);
  EXPECT_EQ(sites[0], sites[2]);
}

TEST(ConstructionSiteTest, ExplicitClassStays) {
  static constinit LockClass lock_class("name");
  TestLock lock(lock_class);
  EXPECT_EQ(lock.map.key_type(), KeyType::kExplicit);
  EXPECT_EQ(lock.map.key(), &lock_class);
}

TEST(ConstructionSiteTest, NonsenseAndErrno) {
  errno = ERANGE;
  EXPECT_EQ(FindConstructionSite(1), 1u);
  EXPECT_EQ(FindConstructionSite(0x1234567890), 0x1234567890u);
  EXPECT_EQ(errno, ERANGE);
}

TEST(IsLibraryFunctionTest, Table) {
  const char* const library[] = {
      "_ZNSt6vectorI3FooSaIS0_EEC2Ev",
      "_ZSt11make_uniqueI3FooJEENSt9_MakeUniqIT_E15__single_objectEDpOT0_",
      "_ZSt10_ConstructI3FooJEEvPT_DpOT0_",
      "_ZNKSt8functionIFvvEEclEv",
      "_ZNSaIcEC1Ev",
      "_ZNSs4_Rep9_S_createEmmRKSaIcE",
      "_ZN9__gnu_cxx13new_allocatorI3FooE9constructIS1_JEEEvPT_DpOT0_",
      "_ZN4absl5MutexC2Ev",
      "_ZN5boost8optionalI3FooEC2Ev",
      "_ZZNSt8functionIFvvEEclEvENKUlvE_clEv",
      "_ZZSt4sortIPiEvT_S1_ENKUlvE_clEv",
      "_ZThn16_NSt13basic_fstreamIcSt11char_traitsIcEED1Ev",
      "_ZTv0_n24_NSt13basic_fstreamIcSt11char_traitsIcEED1Ev",
      "_ZNSt10_ConstructI3FooE.constprop.0",
      "_ZNRKSt8optionalI3FooE5valueEv",
      "__interceptor_pthread_create",
  };
  const char* const program[] = {
      "main",
      "_ZN3FooC1Ev",
      "_ZN3Foo3barESt6vectorIiSaIiEE",
      "_Z3fooRKSs",
      "_ZZ4mainENKUlvE_clEv",
      "_ZN7StorageC1Ev",
      "_ZN7abslish3FooC1Ev",
      "_ZN4abba3FooC1Ev",
      "_ZZN3Foo3barEvENKUlvE_clEv",
      "_GLOBAL__sub_I_main",
      "_Z41__static_initialization_and_destruction_0ii",
      "St",
      "_Z",
      "",
  };
  for (const char* name : library) EXPECT_TRUE(IsLibraryFunction(name)) << name;
  for (const char* name : program) EXPECT_FALSE(IsLibraryFunction(name)) << name;
}

}  // namespace
}  // namespace rqlockdep
