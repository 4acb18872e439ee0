#include "validator/runtime/elf_symbols.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rqlockdep {

int visible_function(int x) { return x * 3 + 1; }
int visible_array[16] = {1, 2, 3};

namespace {

[[gnu::used, gnu::noinline]] int HiddenFunction(int x) { return x + 1; }
[[gnu::used]] constinit int hidden_variable = 7;

struct Class {
  [[gnu::noinline]] explicit Class(int x) : value(x) {}
  int value;
};

int* StaticLocal() {
  static int counter = 3;
  return &counter;
}

std::string Demangled(const char* mangled) {
  char buffer[256];
  DemangleSymbol(mangled, buffer, sizeof(buffer));
  return buffer;
}

template <typename T>
std::string NameOf(T* pointer, size_t offset, SymbolType type) {
  ElfSymbol symbol;
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer) + offset;
  if (!FindSymbol(address, type, &symbol)) return "(none)";
  EXPECT_LE(symbol.address, address);
  EXPECT_LT(address, symbol.address + symbol.size);
  return Demangled(symbol.name);
}

TEST(ElfSymbolsTest, FindsFunctions) {
  EXPECT_EQ(NameOf(&visible_function, 0, SymbolType::kFunction), "rqlockdep::visible_function()");
  EXPECT_EQ(NameOf(&visible_function, 1, SymbolType::kFunction), "rqlockdep::visible_function()");
  EXPECT_EQ(NameOf(&HiddenFunction, 0, SymbolType::kFunction),
            "rqlockdep::(anonymous namespace)::HiddenFunction()");
  EXPECT_EQ(NameOf(&visible_function, 0, SymbolType::kVariable), "(none)");
}

TEST(ElfSymbolsTest, FindsVariablesAndTheirParts) {
  EXPECT_EQ(NameOf(&visible_array, 0, SymbolType::kVariable), "rqlockdep::visible_array");
  EXPECT_EQ(NameOf(&visible_array, sizeof(visible_array) - 1, SymbolType::kVariable),
            "rqlockdep::visible_array");
  EXPECT_EQ(NameOf(&hidden_variable, 0, SymbolType::kVariable),
            "rqlockdep::(anonymous namespace)::hidden_variable");
  EXPECT_EQ(NameOf(StaticLocal(), 0, SymbolType::kVariable),
            "rqlockdep::(anonymous namespace)::StaticLocal()::counter");
  ElfSymbol symbol;
  ASSERT_TRUE(
      FindSymbol(reinterpret_cast<uintptr_t>(&visible_array[3]), SymbolType::kVariable, &symbol));
  EXPECT_EQ(symbol.address, reinterpret_cast<uintptr_t>(&visible_array));
}

TEST(ElfSymbolsTest, SharedObjects) {
  ElfSymbol symbol;
  ElfModule module;
  // The address of a function of libc, as another module may have a stub for it.
  const auto address = reinterpret_cast<uintptr_t>(&std::at_quick_exit);
  if (FindSymbol(address, SymbolType::kFunction, &symbol, &module)) {
    EXPECT_STRNE(symbol.name, "");
  }
  const auto strtol_address = reinterpret_cast<uintptr_t>(&std::strtol);
  ASSERT_TRUE(FindModule(strtol_address, &module));
  EXPECT_NE(module.path, nullptr);
}

TEST(ElfSymbolsTest, ModuleOfTheProgram) {
  ElfModule module;
  ASSERT_TRUE(FindModule(reinterpret_cast<uintptr_t>(&visible_function), &module));
  EXPECT_TRUE(module.is_main_program);
  EXPECT_NE(std::string(module.path).find('/'), std::string::npos);
  EXPECT_NE(std::string(module.path), "/proc/self/exe");
}

TEST(ElfSymbolsTest, NothingOnHeapStackAndNonsense) {
  ElfSymbol symbol;
  ElfModule module;
  auto heap = std::make_unique<int>(1);
  int stack = 2;
  static thread_local int local = 3;
  for (uintptr_t address :
       {reinterpret_cast<uintptr_t>(heap.get()), reinterpret_cast<uintptr_t>(&stack),
        reinterpret_cast<uintptr_t>(&local), uintptr_t{0}, uintptr_t{1}, ~uintptr_t{0}}) {
    EXPECT_FALSE(FindModule(address, &module)) << address;
    EXPECT_FALSE(FindSymbol(address, SymbolType::kVariable, &symbol)) << address;
    EXPECT_FALSE(FindSymbol(address, SymbolType::kFunction, &symbol)) << address;
  }
}

TEST(ElfSymbolsTest, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 100; ++n) {
        EXPECT_EQ(NameOf(&visible_array, 8, SymbolType::kVariable), "rqlockdep::visible_array");
        ElfSymbol symbol;
        FindSymbol(reinterpret_cast<uintptr_t>(&std::strtol), SymbolType::kFunction, &symbol);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(DemangleSymbolTest, FallsBackAndStaysInTheBuffer) {
  EXPECT_EQ(Demangled("main"), "main");
  EXPECT_EQ(Demangled("_ZN3FooC1Ev"), "Foo::Foo()");
  EXPECT_EQ(Demangled("_Znonsense"), "_Znonsense");
  char small[5];
  DemangleSymbol("long_name", small, sizeof(small));
  EXPECT_STREQ(small, "long");
  DemangleSymbol("x", small, 0);
}

}  // namespace
}  // namespace rqlockdep
