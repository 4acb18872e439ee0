// A library that is unloaded takes its lock classes along: another that comes to lie at the same
// addresses has nothing to do with them.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "rqlockdep/findings.h"
#include "rqlockdep/validated.h"
#include "tests/runtime/finding_recorder.h"

extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

namespace rqlockdep {
namespace {

class Plugin {
 public:
  explicit Plugin(int number)
      : path_("tests/runtime/libunload_plugin_" + std::to_string(number) + ".so"),
        handle_(dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) ADD_FAILURE() << dlerror();
  }
  void Call(const char* name) const { Find<void()>(name)(); }
  const void* address() const { return Find<const void*()>("PluginAddress")(); }
  void* Make() const { return Find<void*()>("PluginMake")(); }
  void Unload() {
    ASSERT_EQ(dlclose(handle_), 0);
    // Really: nothing keeps it.
    EXPECT_EQ(dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr);
  }

 private:
  template <typename Function>
  Function* Find(const char* name) const {
    void* symbol = dlsym(handle_, name);
    EXPECT_NE(symbol, nullptr) << name;
    return reinterpret_cast<Function*>(symbol);
  }

  std::string path_;
  void* handle_;
};

class UnloadTest : public FindingRecorder {};

TEST_F(UnloadTest, AnotherLibraryAtTheSameAddresses) {
  Plugin one(1);
  one.Call("PluginRun");
  one.Call("PluginNestOrdered");
  EXPECT_EQ(Ids(), Strings{});
  const void* const address = one.address();
  one.Unload();

  Plugin two(2);
  // What this test is about; if the loader chose another place it says nothing.
  ASSERT_EQ(two.address(), address);
  two.Call("PluginRun");
  EXPECT_EQ(Ids(), Strings{});
  // Its classes are its own, with its own names and order functions.
  two.Call("PluginInvert");
  ASSERT_EQ(Ids(), (Strings{"circular-dependency", "circular-dependency", "circular-dependency"}));
  EXPECT_NE(Text(0).find("two.a"), std::string::npos) << Text(0);
  EXPECT_EQ(Text(0).find("one."), std::string::npos) << Text(0);
  two.Call("PluginNestOrdered");
  EXPECT_EQ(Ids().size(), 4U);
  EXPECT_EQ(Ids().back(), "recursive-locking");
  two.Unload();
}

// What was learnt of the classes of a library counts again when it comes back as it was.
TEST_F(UnloadTest, TheSameLibraryAgain) {
  Plugin once(1);
  once.Call("PluginRun");
  const void* const address = once.address();
  once.Unload();
  Plugin again(1);
  ASSERT_EQ(again.address(), address);
  again.Call("PluginInvert");
  EXPECT_EQ(Ids(), (Strings{"circular-dependency", "circular-dependency", "circular-dependency"}));
  again.Unload();
}

// A report may name a class whose LockClass is gone.
TEST_F(UnloadTest, ALockThatOutlivesItsClass) {
  Plugin one(1);
  auto* lock = static_cast<Validated<std::mutex>*>(one.Make());
  LockAndUnlock(*lock);
  one.Unload();
  Validated<std::mutex> other;
  Nest(*lock, other);
  Nest(other, *lock);
  ASSERT_EQ(Ids(), Strings{"circular-dependency"});
  EXPECT_NE(Text(0).find("one.a"), std::string::npos) << Text(0);
  delete lock;
}

}  // namespace
}  // namespace rqlockdep
