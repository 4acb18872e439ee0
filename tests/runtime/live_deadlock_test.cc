// Deadlocks that happen, with real threads and locks.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "rqlockdep/queued_spinlock.h"
#include "rqlockdep/resilient_spinlock.h"
#include "rqlockdep/validated.h"
#include "rqlockdep/validated_absl.h"
#include "tests/runtime/finding_recorder.h"
#include "tests/runtime/lock_ring.h"
#include "tests/support/child.h"

// Thread sanitizer has a deadlock detector too, and would end the test with its own report.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

namespace rqlockdep {
namespace {

std::string Repeat(const std::string& pattern, size_t size) {
  std::string kinds;
  for (size_t i = 0; i < size; ++i) kinds += pattern[i % pattern.size()];
  return kinds;
}

// --- rings that end: somebody on them is told to give way ---

class LiveRingTest : public FindingRecorder {
 protected:
  // How often a live ring was reported.
  static int Notes() {
    int notes = 0;
    for (const std::string& id : Ids()) {
      EXPECT_NE(id, "deadlock");
      if (id == "resilient-deadlock") ++notes;
    }
    return notes;
  }
  static std::string Note() {
    for (size_t i = 0; i < Ids().size(); ++i) {
      if (Ids()[i] == "resilient-deadlock") return Text(i);
    }
    return "";
  }
};

TEST_F(LiveRingTest, OneMemberOfARingGivesWay) {
  const std::string patterns[] = {"R", "Rm", "Rq", "mR", "RC", "Rc", "aR", "RA", "Rrw", "xRM",
                                  "mqRa", "RmqwRrc",
                                  // A timed waiter cannot be told, even if it is the newest.
                                  "Rt", "tR", "tmR", "Rp", "PyR", "pRyP"};
  for (const std::string& pattern : patterns) {
    for (const size_t size : {2, 3, 8, 32}) {
      if (size < pattern.size()) continue;
      const std::string kinds = Repeat(pattern, size);
      const RingOutcome outcome = RunRing(kinds);
      EXPECT_EQ(outcome.failed, 1) << kinds;
      for (size_t i = 0; i < size; ++i) {
        const char asked = kinds[(i + 1) % size];
        EXPECT_TRUE(!outcome.failed_members[i] || asked == 'R' || asked == 'C') << kinds;
      }
      // Nothing is deduplicated here: each ring has classes of its own.
      EXPECT_EQ(Notes(), 1) << kinds;
      const std::string note = Note();
      EXPECT_EQ(Count(note, "\n    - thread "), static_cast<int>(size)) << kinds;
      EXPECT_EQ(Count(note, "it gives way"), 1) << note;
      // Each has a section with the stack of its wait, and one with what it holds and from where.
      EXPECT_EQ(Count(note, "\nWhere thread "), static_cast<int>(size)) << kinds;
      EXPECT_EQ(Count(note, "holds, oldest first:"), static_cast<int>(size)) << kinds;
      // The stacks are those of the wait and of the holds, of each.
      for (size_t at = 0; (at = note.find("\nWhere thread ", at)) != std::string::npos;) {
        const size_t held = note.find("holds, oldest first:", at);
        const size_t end = note.find("\nWhere thread ", held);
        EXPECT_NE(note.substr(at, held - at).find("::Ask() at "), std::string::npos) << note;
        EXPECT_NE(note.substr(held, end - held).find("::Hold() at "), std::string::npos) << note;
        at = held;
      }
      SetUp();
    }
  }
}

TEST_F(LiveRingTest, ATimedWaiterRunsOutByItself) {
  Validated<std::mutex> a;
  Validated<std::timed_mutex> b;
  // Again if the limit passed before both waited: a report about the orders may take that long.
  while (Notes() == 0) {
    std::atomic<bool> got_b{true};
    std::atomic<bool> ended{false};
    b.lock();
    std::thread other([&] {
      a.lock();
      got_b = b.try_lock_for(std::chrono::milliseconds(300));
      a.unlock();
      ended = true;
    });
    // Until the other has it, or had it already.
    while (!ended && a.try_lock()) {
      a.unlock();
      std::this_thread::yield();
    }
    a.lock();  // until the other gives up
    a.unlock();
    b.unlock();
    other.join();
    EXPECT_TRUE(Notes() == 0 || !got_b);
  }
  EXPECT_EQ(Notes(), 1);
  EXPECT_EQ(Count(Note(), "fails with \"timed out\""), 1) << Note();
}

// In a finding's handler locks are not validated, so the validator does not see the wait there, and
// the locks find the ring among themselves. Whichever of the two waits first.
ResilientSpinlock* lock_for_handler = nullptr;
std::atomic<int> failed_in_handler{0};

TEST_F(LiveRingTest, ARingThroughAWaitThatTheValidatorDoesNotSeeHasOneVictim) {
  static std::deque<LockClass> classes;
  for (int i = 0; i < 30; ++i) {
    ResilientSpinlock a;
    ResilientSpinlock b;
    // A class of its own, or the finding would not be new.
    Validated<std::mutex> never_taken(classes.emplace_back("never taken"));
    lock_for_handler = &a;
    failed_in_handler = 0;
    std::atomic<bool> a_is_held{false};
    std::atomic<bool> b_is_held{false};
    SetFindingHandler([](const FindingReport&) {
      const LockResult result = lock_for_handler->AcquireFor(std::chrono::hours(1));
      if (result == LockResult::kOk) {
        lock_for_handler->unlock();
      } else {
        ++failed_in_handler;
      }
    });
    int failed = 0;
    std::thread other([&] {
      ASSERT_EQ(a.Acquire(), LockResult::kOk);
      a_is_held = true;
      while (!b_is_held) std::this_thread::yield();
      if (b.AcquireFor(std::chrono::hours(1)) == LockResult::kOk) {
        b.unlock();
      } else {
        ++failed;
      }
      a.unlock();
    });
    ASSERT_EQ(b.Acquire(), LockResult::kOk);
    while (!a_is_held) std::this_thread::yield();
    b_is_held = true;
    if (i % 2 == 0) std::this_thread::yield();
    never_taken.underlying().lock();
    never_taken.unlock();  // the finding
    b.unlock();
    other.join();
    EXPECT_EQ(failed + failed_in_handler, 1);
  }
}

// --- programs without rings ---

// More threads than processors, always in one order.
TEST_F(LiveRingTest, LocksInOneOrderAreNeverOnARing) {
  constexpr int kThreads = 8;
  Validated<std::mutex> mutex;
  Validated<std::shared_mutex> shared;
  Validated<absl::Mutex> absl_mutex;
  Validated<std::recursive_mutex> recursive;
  QueuedSpinlock queued;
  ResilientSpinlock resilient;
  std::atomic<int> sections{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<uint32_t>(t) + 1);
      for (int i = 0; i < 1500; ++i) {
        const uint32_t choice = random();
        const bool read_shared = (choice & 64) != 0;
        const bool read_absl = (choice & 128) != 0;
        if ((choice & 1) != 0) mutex.lock();
        if ((choice & 2) != 0) read_shared ? shared.lock_shared() : shared.lock();
        if ((choice & 4) != 0) read_absl ? absl_mutex.ReaderLock() : absl_mutex.Lock();
        if ((choice & 8) != 0) {
          recursive.lock();
          recursive.lock();
        }
        if ((choice & 16) != 0) queued.lock();
        bool got_it = false;
        if ((choice & 32) != 0) {
          got_it = resilient.AcquireFor(std::chrono::hours(1)) == LockResult::kOk;
          EXPECT_TRUE(got_it);
        }
        ++sections;
        if ((choice & 0x700) == 0) std::this_thread::yield();
        if (got_it) resilient.unlock();
        if ((choice & 16) != 0) queued.unlock();
        if ((choice & 8) != 0) {
          recursive.unlock();
          recursive.unlock();
        }
        if ((choice & 4) != 0) read_absl ? absl_mutex.ReaderUnlock() : absl_mutex.Unlock();
        if ((choice & 2) != 0) read_shared ? shared.unlock_shared() : shared.unlock();
        if ((choice & 1) != 0) mutex.unlock();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sections, kThreads * 1500);
  EXPECT_EQ(Ids(), Strings{});
}

// --- rings without end, in a process of their own ---

constexpr char kProgram[] = "tests/runtime/ring_program";

TEST(DeadlockTest, EndsTheProgramWithTheReport) {
  const std::string patterns[] = {"m",  "q",  "a",  "w",      "mq", "rm",
                                  "Aa", "xM", "cq", "mwqarx", "Pp", "ypm"};
  for (const std::string& pattern : patterns) {
    for (const size_t size : {2, 3, 8, 32}) {
      if (size < pattern.size()) continue;
      const std::string kinds = Repeat(pattern, size);
      Child child({kProgram, kinds}, {"RQLOCKDEP_OPTIONS=halt_on_deadlock=1:exitcode=77"});
      EXPECT_EQ(child.Wait(), 77) << kinds;
      const std::string output = child.Output();
      ASSERT_EQ(Count(output, "rqlockdep: error: deadlock:"), 1) << kinds << output;
      const std::string report = output.substr(output.find("rqlockdep: error: deadlock:"));
      EXPECT_EQ(Count(report, "\n    - thread "), static_cast<int>(size)) << output;
      EXPECT_EQ(Count(report, "\nWhere thread "), static_cast<int>(size)) << kinds;
      EXPECT_EQ(Count(output, "the program ends here (halt_on_deadlock)"), 1) << kinds;
    }
  }
}

TEST(DeadlockTest, AThreadThatWaitsForItself) {
  for (const char* kind : {"m", "q", "r"}) {
    Child child({kProgram, kind}, {"RQLOCKDEP_OPTIONS=halt_on_deadlock=1"});
    EXPECT_EQ(child.Wait(), 66) << kind;
    EXPECT_EQ(Count(child.Output(), "rqlockdep: error: deadlock:"), 1) << child.Output();
  }
}

TEST(DeadlockTest, AThreadThatWaitsForAConditionCannotGoOnWithoutItsLock) {
  for (const char* kind : {"absl_condvar", "pthread_cond"}) {
    Child child({kProgram, kind}, {"RQLOCKDEP_OPTIONS=halt_on_deadlock=1"});
    EXPECT_EQ(child.Wait(), 66) << kind;
    EXPECT_EQ(Count(child.Output(), "rqlockdep: error: deadlock:"), 1) << child.Output();
  }
}

TEST(DeadlockTest, UnderATestRunnerItEndsTheProgramByDefault) {
  for (const char* runner : {"BAZEL_TEST=1", "TEST_TMPDIR=/tmp"}) {
    Child child({kProgram, "mm"}, {"BAZEL_TEST", "TEST_TMPDIR", "RQLOCKDEP_OPTIONS", runner});
    EXPECT_EQ(child.Wait(), 66) << runner;
    EXPECT_EQ(Count(child.Output(), "rqlockdep: error: deadlock:"), 1) << child.Output();
  }
}

TEST(DeadlockTest, ElseItIsReportedOnceAndTheProgramHangsAsItWouldHave) {
  for (const char* option : {"RQLOCKDEP_OPTIONS=halt_on_deadlock=0", "RQLOCKDEP_OPTIONS"}) {
    Child child({kProgram, "mmm"}, {"BAZEL_TEST", "TEST_TMPDIR", option});
    ASSERT_TRUE(child.WaitForOutput("rqlockdep: error: deadlock:")) << child.Output();
    ASSERT_TRUE(child.WaitUntilAllSleep(4)) << child.Output();
    EXPECT_EQ(Count(child.Output(), "rqlockdep: error: deadlock:"), 1) << child.Output();
    EXPECT_EQ(Count(child.Output(), "failed:"), 0) << child.Output();
  }
}

// The bug: a report for each of 7905 rings.
TEST(DeadlockTest, ReadersThatWaitForOneAnotherAreReportedOnce) {
  Child child({kProgram, "readers"}, {"RQLOCKDEP_OPTIONS=halt_on_deadlock=0"});
  ASSERT_TRUE(child.WaitForOutput("rqlockdep: error: deadlock:")) << child.Output();
  ASSERT_TRUE(child.WaitUntilAllSleep(11)) << child.Output();
  EXPECT_EQ(Count(child.Output(), "rqlockdep: error: deadlock:"), 1) << child.Output();
}

}  // namespace
}  // namespace rqlockdep
