#include "validator/runtime/process_names.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <barrier>
#include <regex>
#include <string>
#include <thread>

#include "tests/support/thread_states.h"
#include "tests/unit/test_lock.h"

namespace rqlockdep {
namespace {

struct Bucket {
  TestLock first;
  TestLock second;
};

class ProcessNamesTest : public testing::Test {
 protected:
  std::string Thread(ThreadId thread) {
    TextWriter out;
    names_.WriteThread(thread, out);
    return std::string(out.text());
  }
  std::string Class(const ClassKey& key) {
    ClassInfo info;
    info.key = key;
    TextWriter out;
    names_.WriteClassName(info, out);
    return std::string(out.text());
  }
  std::string Site(const TestLock& lock) {
    return Class(
        {.type = ClassKey::Type::kSite, .address = reinterpret_cast<uintptr_t>(lock.map.key())});
  }

  ProcessNames names_{/*run_tool=*/true};
};

TEST_F(ProcessNamesTest, Classes) {
  EXPECT_EQ(Class({.type = ClassKey::Type::kExplicit, .address = 1, .name = "hashtab.bucket"}),
            "hashtab.bucket");
  EXPECT_EQ(Class({.type = ClassKey::Type::kSite, .address = 1, .name = "a_static"}), "a_static");
  EXPECT_EQ(Class({.type = ClassKey::Type::kUnknown, .address = 0x1f}), "lock 0x1f");
  EXPECT_EQ(Class({.type = ClassKey::Type::kSite, .address = 0x1f}), "0x1f");
}

// The function that constructs the lock, not the lock's own constructors, which are inlined there.
TEST_F(ProcessNamesTest, ConstructionSites) {
  const TestLock lock;
  const int line = __LINE__ - 1;
  EXPECT_TRUE(
      std::regex_match(Site(lock), std::regex(".*(TestBody|test_lock).*:" + std::to_string(line))))
      << Site(lock) << " at line " << line;
#if !defined(__OPTIMIZE__)
  const Bucket bucket;
  EXPECT_NE(Site(bucket.first).find("Bucket::Bucket() at process_names_test.cc:"),
            std::string::npos)
      << Site(bucket.first);
#endif
}

TEST_F(ProcessNamesTest, Instances) {
  TextWriter out;
  names_.WriteInstance(reinterpret_cast<const void*>(0x7f12), out);
  EXPECT_EQ(out.text(), "0x7f12");
}

TEST_F(ProcessNamesTest, Threads) {
  names_.NameThread(1);
  EXPECT_EQ(Thread(1), "thread 1 (main)");
  EXPECT_EQ(Thread(2), "thread 2");  // never heard of
  EXPECT_EQ(Thread(1000000), "thread 1000000");
  std::barrier step(2);
  pid_t worker_id = 0;
  std::thread worker([&] {
    worker_id = gettid();
    names_.NameThread(3);
    step.arrive_and_wait();
    step.arrive_and_wait();
    pthread_setname_np(pthread_self(), "worker");
    step.arrive_and_wait();
    step.arrive_and_wait();
  });
  step.arrive_and_wait();
  EXPECT_EQ(Thread(3), "thread 3");  // only the program's name so far
  step.arrive_and_wait();
  step.arrive_and_wait();
  EXPECT_EQ(Thread(3), "thread 3 (worker)");
  step.arrive_and_wait();
  worker.join();
  AwaitEnd(getpid(), worker_id);
  EXPECT_EQ(Thread(3), "thread 3");  // gone, and nameless when it was seen
  std::thread named([&] {
    pthread_setname_np(pthread_self(), "early");
    names_.NameThread(700);
  });
  named.join();
  EXPECT_EQ(Thread(700), "thread 700 (early)");
}

TEST_F(ProcessNamesTest, Stacks) {
  EXPECT_TRUE(names_.Stack(1).empty());
  StackDepot depot;
  const uintptr_t frames[] = {1, 2, 3};
  const StackId id = depot.Put(frames);
  names_.SetStacks(depot);
  EXPECT_EQ(names_.Stack(id).size(), 3u);
  EXPECT_TRUE(names_.Stack(kNoStack).empty());
}

}  // namespace
}  // namespace rqlockdep
