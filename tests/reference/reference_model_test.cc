// Sentences of docs/semantics.md and docs/trace-format.md that no conformance trace depends on.
#include "tests/reference/reference_model.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "validator/trace/trace_reader.h"

namespace rqlockdep {
namespace {

using Ids = std::set<std::string>;

// Runs the events after declarations of locks of every kind: two instances, "m1" and "m2" of class
// "m", and so on.
class ReferenceModelTest : public testing::Test {
 protected:
  ReferenceResult Run(const std::string& events) {
    std::string text = "lock-trace 1\n";
    for (const char* lock :
         {"q qspinlock", "b rqspinlock", "w rwlock", "f fair_rwlock", "m mutex", "s rwsem",
          "r recursive_mutex", "l local_lock", "p map", "c section"}) {
      const std::string declaration = lock;
      const std::string name = declaration.substr(0, 1);
      const std::string kind = declaration.substr(2);
      text += "lock " + name + "1 " + kind + " class=" + name + "\n";
      text += "lock " + name + "2 " + kind + " class=" + name + "\n";
    }
    // Singletons.
    text += "lock A qspinlock\nlock B qspinlock\nlock C qspinlock\nlock X rqspinlock\n";
    text += "lock Y rqspinlock\nlock Z rqspinlock\nlock S rwsem\nlock W rwlock\n";
    const TraceReadResult read = ReadTrace(text + events);
    EXPECT_FALSE(read.error) << read.error->position.line << ": " << read.error->message;
    return RunReference(read.trace);
  }

  Ids IdsOf(const std::string& events) {
    const ReferenceResult result = Run(events);
    EXPECT_FALSE(result.error) << result.error->position.line << ": " << result.error->message;
    return result.Ids();
  }

  // Takes and releases `outer`, and `inner` (with options) within.
  static std::string Nest(const std::string& thread, const std::string& outer,
                          const std::string& inner, const std::string& options = "") {
    return thread + " acquire " + outer + "\n" + thread + " acquire " + inner + " " + options +
           "\n" + thread + " release " + inner + "\n" + thread + " release " + outer + "\n";
  }
};

// --- Section 1
// -------------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, BlockingSelfDeadlockIsAnErrorAndGoesOn) {
  EXPECT_EQ(IdsOf("T acquire m1\nT acquire m1\nT release m1\nT release m1\n"),
            Ids{"recursive-locking"});
}

TEST_F(ReferenceModelTest, TimedSelfDeadlockFails) {
  EXPECT_EQ(IdsOf("T acquire m1\nT acquire m1 timed\nT release m1\nT release m1\n"),
            (Ids{"recursive-locking", "unbalanced-release"}));
  // A second read is let in if no writer waits.
  EXPECT_EQ(IdsOf("T acquire s1 read\nT acquire s1 read timed\nT release s1\nT release s1\n"),
            Ids{"recursive-locking"});
  EXPECT_EQ(IdsOf("T acquire s1 read\nU acquire s1\n"
                  "T acquire s1 read timed\nT release s1\nT release s1\n"),
            (Ids{"recursive-locking", "unbalanced-release"}));
}

TEST_F(ReferenceModelTest, OnlyABlockingSelfDeadlockMakesEdges) {
  // The class is no singleton, so that the edges q -> B and B -> q do not share a guard.
  const std::string begin = "T acquire q2\nT release q2\nT acquire q1\nT acquire B\n";
  EXPECT_EQ(IdsOf(begin + "T acquire q1 timed\n"), Ids{"recursive-locking"});
  EXPECT_EQ(IdsOf(begin + "T acquire q1\n"), (Ids{"circular-dependency", "recursive-locking"}));
}

TEST_F(ReferenceModelTest, ReEntryWaitsForNobody) {
  EXPECT_EQ(IdsOf("T acquire r1\nT acquire A\nT acquire r1\nT release A\nT release r1\n"
                  "T release r1\n"),
            Ids{});
  EXPECT_EQ(IdsOf("T acquire w1 read\nT acquire w1 read\nU acquire w1\nT acquire w1 read\n"
                  "T release w1\nT release w1\nT release w1\nU release w1\n"),
            Ids{});
}

TEST_F(ReferenceModelTest, ResilientAaAndTryOnAnOwnLockFindNothing) {
  EXPECT_EQ(IdsOf("T acquire X\nT acquire X\nT release X\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire m1\nT acquire m1 try\nT release m1\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire X\nT acquire X try\nT acquire X\nT release X\n"), Ids{})
      << "a try that is busy is no failure to unwind";
}

// --- Sections 2 and 3
// ------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, MixedAndIntendedCycles) {
  EXPECT_EQ(IdsOf(Nest("T", "A", "X") + Nest("U", "X", "A")), Ids{"resilient-cycle"});
  EXPECT_EQ(IdsOf(Nest("T", "X", "Y") + Nest("U", "Y", "X")), Ids{});
  EXPECT_EQ(IdsOf(Nest("T", "A", "B", "timed") + Nest("U", "B", "A")), Ids{"resilient-cycle"});
}

TEST_F(ReferenceModelTest, CycleReportsItsClassesAndStrengths) {
  const ReferenceResult result = Run(Nest("T", "A", "X") + Nest("U", "X", "A"));
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].classes, (std::vector<std::string>{"A", "X"}));
  EXPECT_EQ(result.findings[0].strengths,
            (std::vector<Strength>{Strength::kResilient, Strength::kBlocking}));
  EXPECT_EQ(result.findings[0].event, 5u);
}

TEST_F(ReferenceModelTest, SubclassIsAClass) {
  const ReferenceResult result = Run(Nest("T", "m1", "m2", "subclass=1") + Nest("U", "A", "m1"));
  EXPECT_EQ(result.Ids(), Ids{"invalid-wait-context"});
  EXPECT_EQ(IdsOf("T acquire m1\nT acquire m2 subclass=1\nT release m2\nT release m1\n"
                  "U acquire m1 subclass=1\nU acquire m2\n"),
            Ids{"circular-dependency"});
}

TEST_F(ReferenceModelTest, LocalLockMapAndSectionAreNoGuards) {
  for (const std::string gate : {"l1", "p1", "c1"}) {
    EXPECT_EQ(IdsOf("T acquire " + gate + "\n" + Nest("T", "A", "B") + "U acquire " + gate + "\n" +
                    Nest("U", "B", "A")),
              Ids{"circular-dependency"})
        << gate;
  }
  EXPECT_EQ(IdsOf("T acquire C\n" + Nest("T", "A", "B") + "T release C\nU acquire C\n" +
                  Nest("U", "B", "A")),
            Ids{});
}

TEST_F(ReferenceModelTest, AFailedTryEndsASingleton) {
  EXPECT_EQ(IdsOf("T acquire q1\n" + Nest("T", "A", "B") + "T release q1\nT acquire q1\n" +
                  Nest("T", "B", "A") + "T release q1\nT acquire q2 try =busy\n"),
            Ids{"circular-dependency"});
}

TEST_F(ReferenceModelTest, GuardsOfInterruptedContextsCount) {
  EXPECT_EQ(
      IdsOf("T acquire C\nT enter hard-threaded\n" + Nest("T", "A", "B") +
            "T leave hard-threaded\nT release C\nU mask hard\nU acquire C\n" + Nest("U", "B", "A")),
      Ids{});
}

TEST_F(ReferenceModelTest, NoEdgeIntoALocalLock) {
  EXPECT_EQ(IdsOf(Nest("T", "w1", "l1") + Nest("U", "l1", "w1")), Ids{});
}

// --- Section 4
// -------------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, RecursionNeedsABlockingAcquisition) {
  EXPECT_EQ(IdsOf(Nest("T", "m1", "m2")), Ids{"recursive-locking"});
  EXPECT_EQ(IdsOf(Nest("T", "m1", "m2", "timed")), Ids{});
  EXPECT_EQ(IdsOf(Nest("T", "m1", "m2", "try")), Ids{});
  EXPECT_EQ(IdsOf(Nest("T", "b1", "b2")), Ids{});
}

TEST_F(ReferenceModelTest, NestExcusesUnderOneClassOnly) {
  EXPECT_EQ(IdsOf("T acquire p1\n" + Nest("T", "m1", "m2", "nest=p1")), Ids{});
  EXPECT_EQ(IdsOf("T acquire p1\n" + Nest("T", "m1", "m2", "nest=p1") + "T release p1\n" +
                  "T acquire p2\n" + Nest("T", "m1", "m2", "nest=p2")),
            Ids{})
      << "another instance of the nest lock's class is fine";
  EXPECT_EQ(IdsOf("T acquire p1\n" + Nest("T", "m1", "m2", "nest=p1") + "T release p1\n" +
                  "T acquire S\n" + Nest("T", "m1", "m2", "nest=S")),
            Ids{"recursive-locking"});
  EXPECT_EQ(IdsOf("T acquire m1\nT acquire S\nT acquire m2 nest=S\n"),
            (Ids{"circular-dependency", "recursive-locking"}))
      << "S was taken after m1";
}

TEST_F(ReferenceModelTest, NestMustBeHeldInAnyAcquisition) {
  EXPECT_EQ(IdsOf("T acquire X\nT acquire X nest=A\nT release X\n"), Ids{"nest-lock-not-held"});
  EXPECT_EQ(IdsOf("T acquire X try nest=A\n"), Ids{"nest-lock-not-held"});
  EXPECT_EQ(IdsOf("T acquire A\nT enter hard\nT acquire X nest=A\n"), Ids{});
}

// --- Section 5
// -------------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, InconsistentByStrength) {
  const std::string outside = "U acquire A\nU release A\n";
  EXPECT_EQ(IdsOf("T enter hard\nT acquire A\nT release A\n" + outside),
            Ids{"inconsistent-context"});
  EXPECT_EQ(IdsOf("T enter hard\nT acquire A timed\nT release A\n" + outside),
            Ids{"resilient-cycle"});
  EXPECT_EQ(IdsOf("T enter hard\nT acquire X\nT release X\nU acquire X\n"), Ids{});
  EXPECT_EQ(IdsOf("T enter hard\nT acquire A try\nT release A\n" + outside), Ids{});
}

TEST_F(ReferenceModelTest, UsedInCountsForEveryContextThatIsEntered) {
  EXPECT_EQ(IdsOf("T enter soft\nT enter hard\nT acquire A\nT release A\nU mask hard\n"
                  "U acquire A\nU release A\nU unmask hard\n"),
            Ids{});
  EXPECT_EQ(IdsOf("T enter soft\nT enter hard\nT acquire A\nT release A\nT leave hard\n"
                  "U mask hard\nU acquire A\nU mask soft\nU unmask hard\n"),
            Ids{"inconsistent-context"})
      << "hard was unmasked";
}

TEST_F(ReferenceModelTest, SoftCountsAsMaskedWhileHardIs) {
  const std::string used = "T enter soft\nT acquire A\nT release A\nT leave soft\n";
  EXPECT_EQ(IdsOf(used + "U mask hard\nU acquire A\nU release A\n"), Ids{});
  EXPECT_EQ(IdsOf(used + "U mask hard\nU acquire A\nU unmask soft\nU release A\n"), Ids{});
  EXPECT_EQ(IdsOf(used + "U mask hard\nU acquire A\nU unmask hard\n"), Ids{"inconsistent-context"});
}

TEST_F(ReferenceModelTest, EnterAndLeaveEnable) {
  const std::string used = "T enter hard\nT acquire A\nT release A\nT leave hard\n";
  EXPECT_EQ(IdsOf(used + "U mask hard\nU acquire A\nU enter hard\n"), Ids{"inconsistent-context"});
  EXPECT_EQ(IdsOf(used + "U enter hard\nU acquire A\nU leave hard\n"),
            (Ids{"held-at-exit", "inconsistent-context"}));
}

TEST_F(ReferenceModelTest, InversionByStrength) {
  const std::string used = "T enter hard\nT acquire A\nT release A\nT leave hard\n";
  const std::string enabled = "V acquire B\nV release B\n";
  EXPECT_EQ(IdsOf(used + "U mask hard\n" + Nest("U", "A", "B") + enabled),
            Ids{"context-inversion"});
  EXPECT_EQ(IdsOf(used + "U mask hard\n" + Nest("U", "A", "B", "timed") + enabled),
            Ids{"resilient-cycle"});
}

// --- Section 6
// -------------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, RanksOfContextsAndHolds) {
  EXPECT_EQ(IdsOf("T enter hard\nT acquire w1\n"), Ids{"invalid-wait-context"});
  EXPECT_EQ(IdsOf("T enter hard-threaded\nT acquire w1\n"), Ids{});
  EXPECT_EQ(IdsOf("T enter soft\nT acquire m1 timed\n"), Ids{"invalid-wait-context"});
  EXPECT_EQ(IdsOf("T acquire c1\nT acquire m1\n"), Ids{"invalid-wait-context"});
  EXPECT_EQ(IdsOf("T acquire p1\nT acquire m1\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire A\nT acquire m1 try\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire A\nT enter hard-threaded\nT acquire w1\n"), Ids{})
      << "older locks are another context's";
}

// --- Section 7
// -------------------------------------------------------------------------------------

TEST_F(ReferenceModelTest, LocksAreOfTheContextThatTookThem) {
  EXPECT_EQ(IdsOf("T acquire A\nT enter hard\nT release A\nT leave hard\nT release A\n"),
            Ids{"unbalanced-release"});
  EXPECT_EQ(IdsOf("T enter soft\nT acquire A\nT leave soft\nT release A\n"),
            (Ids{"held-at-exit", "inconsistent-context", "unbalanced-release"}));
  EXPECT_EQ(
      IdsOf("T enter soft\nT mask hard\nT acquire X\nT leave soft\nT enter soft\nT release X\n"),
      (Ids{"held-at-exit", "unbalanced-release"}))
      << "another context of the same name";
}

TEST_F(ReferenceModelTest, DowngradeNeedsAnExclusiveHold) {
  EXPECT_EQ(IdsOf("T acquire w1\nT downgrade w1\nT downgrade w1\n"), Ids{"unbalanced-release"});
  EXPECT_EQ(IdsOf("T downgrade c1\n"), Ids{"unbalanced-release"});
  EXPECT_EQ(IdsOf("T acquire s1\nU acquire s1 read\nT downgrade s1\nU release s1\n"), Ids{})
      << "the downgrade lets the reader in";
}

TEST_F(ReferenceModelTest, NotUnwound) {
  EXPECT_EQ(IdsOf("T acquire X =timeout\nT acquire X\n"), Ids{}) << "nothing to give back";
  EXPECT_EQ(IdsOf("T acquire c1\nT acquire X =timeout\nT acquire X\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire A\nT acquire X =timeout\nT acquire X try\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire A\nT acquire X =timeout\nT acquire Y\nT acquire X\n"), Ids{});
  EXPECT_EQ(IdsOf("T acquire X\nT acquire X\nT acquire X\n"), Ids{"not-unwound"});
  EXPECT_EQ(IdsOf("T acquire A\nT acquire X =timeout\nT mask hard\nT acquire X =timeout\n"),
            Ids{"not-unwound"});
  EXPECT_EQ(IdsOf("T acquire A\nT acquire X =timeout\nT enter hard\nT acquire X\nT release X\n"
                  "T leave hard\n"),
            Ids{})
      << "another context";
}

TEST_F(ReferenceModelTest, ExitCountsEveryRecord) {
  EXPECT_EQ(IdsOf("T acquire c1\nT exit\n"), Ids{"held-at-exit"});
  EXPECT_EQ(IdsOf("T acquire A\nT enter hard\nT exit\n"), Ids{"held-at-exit"});
  EXPECT_EQ(IdsOf("T acquire A\nT release A\nT exit\n"), Ids{});
}

// --- Section 8 and the outcomes
// --------------------------------------------------------------------

TEST_F(ReferenceModelTest, EventOfAWaitingThreadIsMalformed) {
  const ReferenceResult result = Run("T acquire A\nU acquire A\n  U release A\n");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->position.column, 3);
}

TEST_F(ReferenceModelTest, ReadersAndWritersQueue) {
  // The second non-recursive reader waits behind the writer; a recursive one does not.
  EXPECT_TRUE(Run("T acquire s1 read\nU acquire s1\nV acquire s1 read\nV exit\n").error);
  EXPECT_FALSE(Run("T acquire w1 read\nU acquire w1\nV acquire w1 read\nV exit\n").error);
  // The writer comes first, then the reader.
  EXPECT_TRUE(
      Run("T acquire s1 read\nU acquire s1\nV acquire s1 read\nT release s1\nV exit\n").error);
  EXPECT_FALSE(Run("T acquire s1 read\nU acquire s1\nV acquire s1 read\nT release s1\n"
                   "U release s1\nV release s1\nV exit\n")
                   .error);
}

TEST_F(ReferenceModelTest, ReaderBehindAQueuedWriterDeadlocks) {
  EXPECT_EQ(IdsOf("T acquire s1 read\nU acquire m1\nV acquire s1\nU acquire s1 read\n"
                  "T acquire m1\n"),
            (Ids{"circular-dependency", "deadlock"}));
}

TEST_F(ReferenceModelTest, TheNewestBoundedWaiterGivesWay) {
  // X -> Y -> Z -> X: V, the newest, fails, so that W is not needed.
  const ReferenceResult result =
      Run("T acquire X\nU acquire Y\nV acquire Z\nT acquire Y\nU acquire Z\nV acquire X\n"
          "V release Z\nU release Z\n");
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.Ids(), Ids{"resilient-deadlock"});
}

TEST_F(ReferenceModelTest, ATimedWaiterGivesWayToo) {
  EXPECT_EQ(IdsOf("T acquire A\nU acquire B\nT acquire B timed\nU acquire A\nT release A\n"
                  "U release A\n"),
            (Ids{"resilient-cycle", "resilient-deadlock"}));
}

TEST_F(ReferenceModelTest, AVictimHasToUnwind) {
  EXPECT_EQ(IdsOf("T acquire X\nU acquire Y\nT acquire Y\nU acquire X\nU acquire X\n"),
            (Ids{"not-unwound", "resilient-deadlock"}));
}

TEST_F(ReferenceModelTest, AFailedWriterLetsReadersIn) {
  // U, a timed writer, waits for the reader T; V reads behind U. U gives way, and V gets in.
  EXPECT_EQ(IdsOf("U acquire m1\nT acquire S read\nU acquire S timed\nV acquire S read\n"
                  "T acquire m1\nV release S\n"),
            (Ids{"resilient-cycle", "resilient-deadlock"}));
}

}  // namespace
}  // namespace rqlockdep
