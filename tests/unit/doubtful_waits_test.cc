// What published waits and holds prove only if they last.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/live_waits_fixture.h"

namespace rqlockdep {
namespace {

struct ReaderBehindWriter {
  ThreadState& reader;  // holds a lock for which `holder` waits, and asks for `shared`
  ThreadState& writer;  // asks for `shared`, before it
  ThreadState& holder;  // holds `shared` as a reader
  hooks::LockMap& shared;
  hooks::LockMap& other;
};

TEST_F(LiveWaitsTest, AReaderBehindAWriterIsBelievedWhenItLasts) {
  ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
  Acquire(ring.reader, ring.other);
  Acquire(ring.holder, ring.shared, LockMode::kReader);
  Wait(ring.writer, ring.shared);
  Wait(ring.reader, ring.shared, LockMode::kReader);
  EXPECT_EQ(Rings(), Ids{});
  Wait(ring.holder, ring.other);
  EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
  EXPECT_EQ(environment_.rests, 24);
  EXPECT_EQ(MembersOfLastRing(),
            (std::vector<ThreadId>{ring.holder.id(), ring.reader.id(), ring.writer.id()}));
}

TEST_F(LiveWaitsTest, AReaderThatGetsPastTheWriterWasNoRing) {
  for (const int after : {1, 2, 24}) {
    ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
    environment_.rests = 0;
    environment_.meanwhile = [&](int rest) {
      if (rest == after) validator_.Acquired(ring.reader, ring.shared);
    };
    Acquire(ring.reader, ring.other);
    Acquire(ring.holder, ring.shared, LockMode::kReader);
    Wait(ring.writer, ring.shared);
    Wait(ring.reader, ring.shared, LockMode::kReader);
    Wait(ring.holder, ring.other);
    EXPECT_EQ(Rings(), Ids{}) << after;
    EXPECT_EQ(environment_.rests, after);
  }
}

// The bug: it rested up to a hundred times before its limit began to count, if one doubtful ring
// came after another.
TEST_F(LiveWaitsTest, ABoundedWaiterIsNotKeptForLongerThanOneDoubtfulRingNeeds) {
  for (const bool bounded : {true, false}) {
    ThreadState& last = Thread();
    ThreadState& other = Thread();
    ReaderBehindWriter ring{Thread(), Thread(), last, Lock(LockKind::kRwsem),
                            Lock(LockKind::kRwsem)};
    ThreadState& second = Thread();
    hooks::LockMap& doubted = Lock();
    Acquire(ring.reader, ring.other, LockMode::kReader);
    Acquire(second, ring.other, LockMode::kReader);
    Acquire(last, ring.shared, LockMode::kReader);
    Acquire(last, doubted);
    validator_.Release(other, doubted, Site());
    Acquire(other, doubted);
    Wait(ring.writer, ring.shared);
    Wait(ring.reader, ring.shared, LockMode::kReader);
    Wait(second, doubted);
    environment_.rests = 0;
    environment_.meanwhile = [&](int rest) {
      // The one through `second` may be a ring from here on,
      if (rest == 10) validator_.Release(other, doubted, Site());
      // and the one through `reader` is none any more.
      if (rest == 20) validator_.Acquired(ring.reader, ring.shared);
    };
    if (bounded) {
      WaitForATime(last, ring.other);
      EXPECT_EQ(Rings(), Ids{});
      EXPECT_EQ(environment_.rests, 24);
    } else {
      Wait(last, ring.other);
      EXPECT_EQ(Rings(), Ids{FindingId::kDeadlock});
      EXPECT_EQ(environment_.rests, 34);
    }
  }
}

// A reader that came before the writer does not wait for it.
TEST_F(LiveWaitsTest, AReaderBeforeAWriterIsNoRing) {
  ReaderBehindWriter ring{Thread(), Thread(), Thread(), Lock(LockKind::kRwsem), Lock()};
  Acquire(ring.reader, ring.other);
  Acquire(ring.holder, ring.shared, LockMode::kReader);
  Wait(ring.reader, ring.shared, LockMode::kReader);
  Wait(ring.writer, ring.shared);
  Wait(ring.holder, ring.other);
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_EQ(environment_.rests, 0);
}

// A lock that another thread gave back, and a third has now: the record of the first is wrong.
TEST_F(LiveWaitsTest, ARecordOfALockThatAnotherThreadGaveBackIsDoubted) {
  ThreadState& first = Thread();
  ThreadState& waiter = Thread();
  ThreadState& holder = Thread();
  hooks::LockMap& a = Lock();
  hooks::LockMap& b = Lock();
  Acquire(first, a);
  Acquire(first, Lock());
  validator_.Release(holder, a, Site());
  Acquire(holder, a);
  Acquire(waiter, b);
  Wait(waiter, a);
  Wait(first, b);
  EXPECT_EQ(Rings(), Ids{});
  EXPECT_EQ(environment_.rests, 0);
}

}  // namespace
}  // namespace rqlockdep
