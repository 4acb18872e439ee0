// The list of all locks: on a signal, from code, under load.
#include "rqlockdep/show_locks.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
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
#include "tests/support/child.h"

// Thread sanitizer has a deadlock detector too, and would end the test with its own report.
extern "C" const char* __tsan_default_options();  // NOLINT
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }

// In show_locks_from_c.c.
extern "C" void ShowLocksFromC();

namespace rqlockdep {
namespace {

// Has standard error go to a file while it lives. One descriptor, opened before there are threads:
// thread sanitizer does not see all that the validator does with descriptors.
class ErrorsInAFile {
 public:
  ErrorsInAFile() : file_(memfd_create("errors", MFD_CLOEXEC)), before_(dup(STDERR_FILENO)) {
    dup2(file_, STDERR_FILENO);
  }
  ~ErrorsInAFile() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(file_);
  }
  ErrorsInAFile(const ErrorsInAFile&) = delete;
  ErrorsInAFile& operator=(const ErrorsInAFile&) = delete;

  // What was written since the last call.
  std::string Take() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = pread(file_, buffer, sizeof(buffer), taken_)) > 0; taken_ += size) {
      text.append(buffer, static_cast<size_t>(size));
    }
    return text;
  }

 private:
  const int file_;
  const int before_;
  off_t taken_ = 0;
};

// The lines that begin with `title` and what is indented below it.
std::string Section(const std::string& text, const std::string& title) {
  const size_t begin = text.find("\n  " + title);
  if (begin == std::string::npos) return "";
  size_t end = text.find("\n\n", begin);
  return text.substr(begin, end - begin);
}

class ShowLocksTest : public FindingRecorder {
 protected:
  std::string Shown() {
    errors_.Take();
    ShowAllLocks();
    return errors_.Take();
  }

  ErrorsInAFile errors_;
};

TEST_F(ShowLocksTest, SaysWhoHoldsWhatAndWhoWaitsForWhom) {
  static LockClass held_class("held lock");
  static LockClass shared_class("shared lock");
  static LockClass spin_class("spin lock");
  Validated<std::mutex> held(held_class);
  Validated<std::shared_mutex> shared(shared_class);
  QueuedSpinlock spin(spin_class);
  held.lock();
  shared.lock_shared();
  std::thread waiter([&] {
    spin.lock();
    held.lock();
    held.unlock();
    spin.unlock();
  });
  std::string text;
  do text = Shown();
  while (text.find("waits for held lock") == std::string::npos);
  const std::string main = Section(text, "thread 1 (main):");
  EXPECT_EQ(Count(main, "    holds "), 2) << text;
  EXPECT_EQ(Count(main, "    holds held lock [instance 0x"), 1) << text;
  EXPECT_EQ(Count(main, "], exclusive, by lock() at tests/runtime/show_locks_test.cc:"), 1) << text;
  EXPECT_EQ(Count(main, "], shared, by read_lock() at tests/runtime/show_locks_test.cc:"), 1)
      << text;
  EXPECT_EQ(Count(text, "    holds spin lock"), 1) << text;
  EXPECT_EQ(Count(text, "held by thread 1 (main)\n"), 1) << text;
  shared.unlock_shared();
  held.unlock();
  waiter.join();
  EXPECT_EQ(Count(Shown(), "    holds "), 0);
}

TEST_F(ShowLocksTest, SaysBehindWhomAReaderWaits) {
  static LockClass shared_class("contended lock");
  Validated<absl::Mutex> shared(shared_class);
  const auto wait_for = [this](const std::string& line) {
    std::string text;
    do text = Shown();
    while (text.find(line) == std::string::npos);
    return text;
  };
  shared.lock_shared();
  std::thread writer([&] {
    shared.lock();
    shared.unlock();
  });
  wait_for("waits for contended lock");
  // The writer has said that it waits, but may not be in the mutex's queue yet: until it is, the
  // reader gets in, and tries again.
  std::atomic<bool> seen{false};
  std::thread reader([&] {
    while (!seen) {
      shared.lock_shared();
      shared.unlock_shared();
    }
  });
  const std::string text = wait_for("in read_lock() at");
  seen = true;
  EXPECT_EQ(Count(text, "held by thread 1 (main) (shared)\n"), 1) << text;
  EXPECT_EQ(Count(text, "held by thread 1 (main) (shared); a writer that waits, too: thread "), 1)
      << text;
  shared.unlock_shared();
  writer.join();
  reader.join();
}

TEST_F(ShowLocksTest, IsCalledFromC) {
  ShowLocksFromC();
  EXPECT_EQ(Count(errors_.Take(), "rqlockdep: all locks"), 1);
}

// The better names are in use then, by this very thread.
TEST_F(ShowLocksTest, IsPlainerWhileAReportIsMade) {
  static LockClass plain_class("plain lock");
  Validated<std::mutex> held(plain_class);
  QueuedSpinlock never_taken;
  SetFindingHandler([](const FindingReport&) { ShowAllLocks(); });
  errors_.Take();
  held.lock();
  never_taken.unlock();  // the finding
  const std::string text = errors_.Take();
  held.unlock();
  EXPECT_EQ(Count(text, "rqlockdep: all locks"), 1) << text;
  EXPECT_EQ(Count(text, "\n  thread 1:\n"), 1) << text;
  EXPECT_EQ(Count(text, "    holds plain lock"), 1) << text;
  // And when it is over they are back.
  held.lock();
  EXPECT_EQ(Count(Shown(), "\n  thread 1 (main):\n"), 1);
  held.unlock();
}

// Nobody will ever give the lock back, and that is what the list says.
TEST_F(ShowLocksTest, SaysThatAnOwnerHasEnded) {
  static LockClass left_class("left lock");
  QueuedSpinlock left(left_class);  // which any thread may set free
  std::thread owner([&] { left.lock(); });
  owner.join();
  ASSERT_EQ(Ids(), Strings{"held-at-exit"});
  EXPECT_EQ(Count(Text(0), "left lock"), 2) << Text(0);
  std::thread waiter([&] { left.lock(); });
  std::string text;
  do text = Shown();
  while (text.find("waits for left lock") == std::string::npos);
  EXPECT_EQ(Count(text, ", which has ended:\n"), 1) << text;
  EXPECT_EQ(Count(text, ", which has ended: nobody will give it back\n"), 1) << text;
  left.unlock();
  waiter.join();
}

TEST_F(ShowLocksTest, WorksWhileLocksAreTakenAndThreadsComeAndGo) {
  constexpr int kThreads = 6;
  Validated<std::mutex> mutexes[3];
  QueuedSpinlock spins[20];
  ResilientSpinlock resilient;
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!done) {
        std::thread passing([&] {
          for (int i = 0; i < 50; ++i) {
            for (Validated<std::mutex>& mutex : mutexes) mutex.lock();
            for (QueuedSpinlock& spin : spins) spin.lock();  // deeper than a shallow stack
            if (resilient.Acquire() == LockResult::kOk) resilient.unlock();
            for (QueuedSpinlock& spin : spins) spin.unlock();
            for (Validated<std::mutex>& mutex : mutexes) mutex.unlock();
          }
        });
        passing.join();
      }
    });
  }
  // The threads may come to their locks late; without an end if no list ever shows one.
  int lines = 0;
  for (int i = 0; i < 200 || lines == 0; ++i) lines += Count(Shown(), "\n    holds ");
  done = true;
  for (std::thread& thread : threads) thread.join();
}

constexpr char kProgram[] = "tests/runtime/ring_program";

TEST(DumpSignalTest, ShowsTheLocksOfAStuckProgram) {
  for (const char* name : {"SIGQUIT", "USR1"}) {
    Child child({kProgram, "mmm"},
                {std::string("RQLOCKDEP_OPTIONS=halt_on_deadlock=0:dump_signal=") + name});
    ASSERT_TRUE(child.WaitForOutput("rqlockdep: error: deadlock:")) << child.Output();
    ASSERT_TRUE(child.WaitUntilAllSleep(4)) << child.Output();
    const int before = Count(child.Output(), "held by thread ");
    for (int times = 1; times <= 2; ++times) {
      child.Signal(name[0] == 'S' ? SIGQUIT : SIGUSR1);
      // Three waits, each with the holder, and then the last lines.
      ASSERT_TRUE(child.WaitForOutput("held by thread ", before + 3 * times)) << child.Output();
      ASSERT_TRUE(child.WaitForOutput(" no lock.", times)) << child.Output();
    }
    EXPECT_EQ(Count(child.Output(), "rqlockdep: all locks"), 2) << child.Output();
    EXPECT_EQ(Count(child.Output(), "    waits for ring1 "), 2) << child.Output();
  }
}

TEST(DumpSignalTest, NoSignalIsCaughtByDefault) {
  Child child({kProgram, "mmm"}, {"RQLOCKDEP_OPTIONS=halt_on_deadlock=0"});
  ASSERT_TRUE(child.WaitForOutput("rqlockdep: error: deadlock:")) << child.Output();
  child.Signal(SIGQUIT);
  EXPECT_EQ(child.Wait(), -SIGQUIT);
}

}  // namespace
}  // namespace rqlockdep
