#include "validator/trace/trace_reader.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "rqlockdep/acquisition.h"
#include "tests/reference/seeded_random.h"
#include "tests/reference/trace_equality.h"
#include "tests/reference/trace_generator.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

using std::string_literals::operator""s;

Trace ReadWell(const std::string& text) {
  TraceReadResult read = ReadTrace(text);
  EXPECT_FALSE(read.error) << read.error->position.line << ":" << read.error->position.column
                           << ": " << read.error->message << "\n"
                           << text;
  return read.trace;
}

// --- What is well-formed
// ---------------------------------------------------------------------------

TEST(TraceReaderTest, ReadsEveryField) {
  const Trace trace = ReadWell(
      "# before the magic line\n"
      "\n"
      "\tlock-trace  1 # here too\n"
      "lock A rwlock\n"
      "lock B rqspinlock class=bucket\n"
      "T1 acquire A read try subclass=7 nest=B =busy\n"
      "T1 acquire B timed =deadlock#no blank needed\n"
      "  T2\tenter\thard-threaded\t\n"
      "T2 leave hard-threaded\n"
      "T2 mask soft\n"
      "T2 spawn T3\n"
      "T1 downgrade A\n"
      "T3 exit");
  ASSERT_EQ(trace.locks.size(), 2u);
  EXPECT_EQ(trace.locks[0].name, "A");
  EXPECT_EQ(trace.locks[0].class_name, "A");
  EXPECT_EQ(trace.locks[0].kind, LockKind::kRwlock);
  EXPECT_EQ(trace.locks[1].class_name, "bucket");
  EXPECT_EQ(trace.threads, (std::vector<std::string>{"T1", "T2", "T3"}));
  ASSERT_EQ(trace.events.size(), 8u);

  const TraceEvent& first = trace.events[0];
  EXPECT_EQ(first.op, TraceOp::kAcquire);
  EXPECT_EQ(first.thread, 0);
  EXPECT_EQ(first.lock, 0);
  EXPECT_TRUE(first.read);
  EXPECT_TRUE(first.try_only);
  EXPECT_FALSE(first.timed);
  EXPECT_EQ(first.subclass, 7);
  EXPECT_EQ(first.nest, 1);
  EXPECT_EQ(first.outcome, TraceOutcome::kBusy);

  EXPECT_TRUE(trace.events[1].timed);
  EXPECT_EQ(trace.events[1].outcome, TraceOutcome::kDeadlock);
  EXPECT_EQ(trace.events[2].op, TraceOp::kEnter);
  EXPECT_EQ(trace.events[2].context, ContextKind::kHardThreaded);
  EXPECT_EQ(trace.events[2].position.line, 8);
  EXPECT_EQ(trace.events[2].position.column, 3);
  EXPECT_EQ(trace.events[2].op_position.column, 6);
  EXPECT_EQ(trace.events[2].argument_position.column, 12);
  EXPECT_EQ(trace.events[4].op, TraceOp::kMask);
  EXPECT_EQ(trace.events[5].other_thread, 2);
  EXPECT_EQ(trace.events[7].op, TraceOp::kExit);
  EXPECT_EQ(trace.events[7].thread, 2);
}

TEST(TraceReaderTest, ReadsEveryKind) {
  std::string text = "lock-trace 1\n";
  const std::vector<std::string> kinds = {
      "qspinlock",   "rqspinlock", "raw_spinlock", "spinlock",          "rwlock",
      "fair_rwlock", "mutex",      "rtmutex",      "recursive_mutex",   "rwsem",
      "local_lock",  "map",        "section",      "section_nopreempt", "section_sleepable"};
  for (const std::string& kind : kinds) text += "lock L_" + kind + " " + kind + "\n";
  const Trace trace = ReadWell(text);
  ASSERT_EQ(trace.locks.size(), static_cast<size_t>(kLockKindCount));
  for (int i = 0; i < kLockKindCount; ++i) EXPECT_EQ(trace.locks[i].kind, static_cast<LockKind>(i));
}

TEST(TraceReaderTest, OptionsMayStandInAnyOrder) {
  const Trace trace = ReadWell(
      "lock-trace 1\nlock A rwlock\nlock M map\nT acquire A =busy nest=M subclass=2 try read\n");
  EXPECT_EQ(WriteTraceEvent(trace, trace.events[0]),
            "T acquire A read try subclass=2 nest=M =busy");
}

TEST(TraceReaderTest, SectionsAreAlwaysRead) {
  const Trace trace = ReadWell("lock-trace 1\nlock S section\nT acquire S\nT acquire S read\n");
  EXPECT_TRUE(trace.events[0].read);
  EXPECT_TRUE(trace.events[1].read);
}

TEST(TraceReaderTest, AcceptsOutcomesThatFit) {
  ReadWell(
      "lock-trace 1\nlock Q qspinlock\nlock R rqspinlock\n"
      "T acquire Q =ok\nT acquire Q try =ok\nT acquire Q try =busy\nT acquire Q timed =timeout\n"
      "T acquire Q timed =deadlock\nT acquire R =timeout\nT acquire R =deadlock\n"
      "T acquire R try =busy\nT acquire R timed =ok\n");
}

TEST(TraceReaderTest, AcceptsAnyUtf8InComments) {
  ReadWell(
      "lock-trace 1 # \xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x92 \xef\xbf\xbf \xf4\x8f\xbf\xbf\r\n");
}

TEST(TraceReaderTest, AcceptsALineOf64KiB) {
  const std::string magic = "lock-trace 1";
  ReadWell(magic + std::string(64 * 1024 - magic.size(), ' ') + "\n");
  ReadWell("lock-trace 1\nlock " + std::string(60000, 'a') + " mutex");
}

TEST(TraceReaderTest, ThreadMayBeCalledLikeAnything) {
  const Trace trace = ReadWell("lock-trace 1\nlock acquire mutex\nexit acquire acquire\n");
  EXPECT_EQ(trace.threads, std::vector<std::string>{"exit"});
}

// --- What is malformed
// -----------------------------------------------------------------------------

struct MalformedTrace {
  const char* name;
  std::string text;
  int line;
  int column;
  std::string message;  // part of it
};

void PrintTo(const MalformedTrace& malformed, std::ostream* out) { *out << malformed.name; }

// A line after declarations of the locks M mutex, Q qspinlock, R rqspinlock, W rwlock, S section.
MalformedTrace Line(const char* name, const std::string& line, int column,
                    const std::string& message) {
  const std::string declarations =
      "lock-trace 1\nlock M mutex\nlock Q qspinlock\nlock R rqspinlock\nlock W rwlock\n"
      "lock S section\n";
  return {name, declarations + line + "\nT9 exit\n", 7, column, message};
}

std::vector<MalformedTrace> MalformedTraces() {
  const std::string bad_bytes = "lock-trace 1\nT exit # ";
  return {
      // The magic line.
      {"Empty", "", 1, 1, "magic line"},
      {"OnlyComments", "# one\n# two\n", 3, 1, "magic line"},
      {"OnlyACommentUnended", "# one", 1, 6, "magic line"},
      {"NoMagic", "\n  lock A mutex\n", 2, 3, "magic line"},
      {"MagicMisspelt", "lock-Trace 1\n", 1, 1, "magic line"},
      {"NoVersion", "lock-trace\n", 1, 11, "version missing"},
      {"NoVersionButBlanks", "lock-trace   # 1\n", 1, 11, "version missing"},
      {"OtherVersion", "lock-trace 2\n", 1, 12, "version '2'"},
      {"HugeVersion", "lock-trace 18446744073709551617\n", 1, 12, "version"},
      {"VersionWithZero", "lock-trace 01\n", 1, 12, "version '01'"},
      {"ExtraAfterVersion", "lock-trace 1 1\n", 1, 14, "extra word '1'"},
      {"ByteOrderMark", "\xef\xbb\xbflock-trace 1\n", 1, 1, "magic line"},
      {"CarriageReturn", "lock-trace 1\r\n", 1, 12, "version '1\\x0d'"},
      {"SecondMagic", "lock-trace 1\nlock-trace 1\n", 2, 12, "unknown operation '1'"},
      // Bytes and lines.
      {"Nul", "lock-trace 1\nT exit\0\n"s, 2, 3, "'exit\\x00'"},
      {"NulLine", "lock-trace 1\n\0\n"s, 2, 1, "'\\x00' is not a thread name"},
      {"VerticalTab", "lock-trace 1\nT\vexit\n", 2, 1, "is not a thread name"},
      {"Utf8Word", "lock-trace 1\nlock \xc3\xa9 mutex\n", 2, 6, "'\\xc3\\xa9' is not a lock name"},
      {"Utf8Alone", bad_bytes + "\x80", 2, 10, "UTF-8"},
      {"Utf8Short", bad_bytes + "\xe2\x82", 2, 10, "UTF-8"},
      {"Utf8ShortAtLineEnd", bad_bytes + "a\xc3\n\xa9", 2, 11, "UTF-8"},
      {"Utf8Overlong2", bad_bytes + "\xc0\xaf", 2, 10, "UTF-8"},
      {"Utf8Overlong3", bad_bytes + "\xe0\x80\xaf", 2, 10, "UTF-8"},
      {"Utf8Overlong4", bad_bytes + "\xf0\x8f\xbf\xbf", 2, 10, "UTF-8"},
      {"Utf8Surrogate", bad_bytes + "\xed\xa0\x80", 2, 10, "UTF-8"},
      {"Utf8TooHigh", bad_bytes + "\xf4\x90\x80\x80", 2, 10, "UTF-8"},
      {"Utf8FiveBytes", bad_bytes + "\xf8\x88\x80\x80\x80", 2, 10, "UTF-8"},
      {"LongLine", "lock-trace 1\n#" + std::string(65536, 'x') + "\n", 2, 65537, "64 KiB"},
      {"LongLastLine", "lock-trace 1\n" + std::string(65537, ' '), 2, 65537, "64 KiB"},
      // Declarations.
      Line("LockAlone", "lock", 5, "lock name missing"),
      Line("LockNoKind", "lock A  # mutex", 7, "lock kind missing"),
      Line("LockBadName", "lock 1A mutex", 6, "'1A' is not a lock name"),
      Line("LockBadNameByte", "lock A/1 mutex", 6, "'A/1' is not a lock name"),
      Line("LockUnknownKind", "lock A futex", 8, "unknown lock kind 'futex'"),
      Line("LockTwice", "lock M mutex", 6, "declared twice"),
      Line("LockUnknownWord", "lock A mutex klass=B", 14, "unknown word"),
      Line("LockExtraWord", "lock A mutex B", 14, "unknown word 'B'"),
      Line("LockClassTwice", "lock A mutex class=B class=B", 22, "given twice"),
      Line("LockClassEmpty", "lock A mutex class=", 14, "class name"),
      Line("LockClassBad", "lock A mutex class=-x", 14, "class name"),
      Line("LockClassOfOtherKind", "lock A mutex class=Q", 8, "class 'Q' has locks of kind qspin"),
      // Events.
      Line("ThreadBadName", "9 exit", 1, "'9' is not a thread name"),
      Line("ThreadAlone", "T1", 3, "operation missing"),
      Line("ThreadAloneWithBlanks", "  T1  ", 5, "operation missing"),
      Line("UnknownOp", "T1 grab M", 4, "unknown operation 'grab'"),
      Line("OpCase", "T1 Acquire M", 4, "unknown operation"),
      Line("AcquireNothing", "T1 acquire", 11, "lock name missing"),
      Line("AcquireUndeclared", "T1 acquire A", 12, "lock 'A' is not declared"),
      Line("AcquireBadName", "T1 acquire =ok", 12, "is not a lock name"),
      Line("AcquireUnknownWord", "T1 acquire M write", 14, "unknown word 'write'"),
      Line("AcquireTwoLocks", "T1 acquire M Q", 14, "unknown word 'Q'"),
      Line("ReadTwice", "T1 acquire W read read", 19, "given twice"),
      Line("TryTwice", "T1 acquire W try read try", 23, "given twice"),
      Line("TimedTwice", "T1 acquire W timed timed", 20, "given twice"),
      Line("SubclassTwice", "T1 acquire W subclass=1 subclass=2", 25, "given twice"),
      Line("NestTwice", "T1 acquire W nest=M nest=M", 21, "given twice"),
      Line("OutcomeTwice", "T1 acquire W =ok =ok", 18, "given twice"),
      Line("TwoOutcomes", "T1 acquire R =timeout =deadlock", 23, "given twice"),
      Line("TryTimed", "T1 acquire M try timed", 18, "'timed' with 'try'"),
      Line("TimedTry", "T1 acquire M timed try", 20, "'try' with 'timed'"),
      Line("ReadMutex", "T1 acquire M read", 14, "a mutex cannot be shared"),
      Line("Subclass0", "T1 acquire M subclass=0", 14, "from 1 to 7, not '0'"),
      Line("Subclass8", "T1 acquire M subclass=8", 14, "from 1 to 7"),
      Line("SubclassHuge", "T1 acquire M subclass=99999999999999999999", 14, "from 1 to 7"),
      Line("SubclassWrapped", "T1 acquire M subclass=4294967297", 14, "from 1 to 7"),
      Line("SubclassNegative", "T1 acquire M subclass=-1", 14, "from 1 to 7"),
      Line("SubclassEmpty", "T1 acquire M subclass=", 14, "from 1 to 7"),
      Line("SubclassZeroPadded", "T1 acquire M subclass=01", 14, "from 1 to 7"),
      Line("NestUndeclared", "T1 acquire M nest=A", 14, "lock 'A' is not declared"),
      Line("NestEmpty", "T1 acquire M nest=", 14, "is not a lock name"),
      Line("OutcomeUnknown", "T1 acquire M =fine", 14, "unknown outcome '=fine'"),
      Line("OutcomeEmpty", "T1 acquire M =", 14, "unknown outcome '='"),
      Line("OutcomeApart", "T1 acquire M = ok", 14, "unknown outcome '='"),
      Line("BusyBlocking", "T1 acquire M =busy", 14, "does not fit"),
      Line("BusyResilient", "T1 acquire R =busy", 14, "does not fit"),
      Line("TimeoutMutex", "T1 acquire M =timeout", 14, "does not fit"),
      Line("TimeoutTry", "T1 acquire R =timeout try", 14, "does not fit"),
      Line("DeadlockBlocking", "T1 acquire Q =deadlock", 14, "does not fit"),
      Line("DeadlockTry", "T1 acquire R try =deadlock", 18, "does not fit"),
      Line("ReleaseNothing", "T1 release", 11, "lock name missing"),
      Line("ReleaseUndeclared", "T1 release A", 12, "not declared"),
      Line("ReleaseExtra", "T1 release W read", 14, "extra word 'read'"),
      Line("DowngradeUndeclared", "T1 downgrade A", 14, "not declared"),
      Line("DowngradeMutex", "T1 downgrade M", 4, "cannot be shared"),
      Line("DowngradeExtra", "T1 downgrade W W", 16, "extra word"),
      Line("InitNothing", "T1 init", 8, "lock name missing"),
      Line("DestroyExtra", "T1 destroy M now", 14, "extra word"),
      Line("EnterNothing", "T1 enter", 9, "context missing"),
      Line("EnterUnknown", "T1 enter nmi", 10, "unknown context 'nmi'"),
      Line("EnterExtra", "T1 enter hard soft", 15, "extra word 'soft'"),
      Line("LeaveNothing", "T1 leave", 9, "context missing"),
      Line("LeaveWithoutEnter", "T1 leave hard", 10, "innermost context"),
      Line("LeaveUnknown", "T1 leave task", 10, "unknown context"),
      Line("MaskThreaded", "T1 mask hard-threaded", 9, "only 'hard' and 'soft'"),
      Line("UnmaskThreaded", "T1 unmask hard-threaded", 11, "only 'hard' and 'soft'"),
      Line("MaskNothing", "T1 mask", 8, "context missing"),
      Line("SpawnNothing", "T1 spawn", 9, "thread name missing"),
      Line("SpawnBadName", "T1 spawn 2", 10, "is not a thread name"),
      Line("JoinExtra", "T1 join T2 T3", 12, "extra word 'T3'"),
      Line("ExitExtra", "T1 exit 0", 9, "extra word '0'"),
      {"LeaveOther", "lock-trace 1\nT enter hard\nT leave hard-threaded\n", 3, 9, "innermost"},
      {"LeaveOuter", "lock-trace 1\nT enter soft\nT enter hard\nT leave soft\n", 4, 9, "innermost"},
      {"LeaveTwice", "lock-trace 1\nT enter soft\nT leave soft\nT leave soft\n", 4, 9, "innermost"},
      {"LeaveOfOther", "lock-trace 1\nT enter soft\nU leave soft\n", 3, 9, "innermost"},
      {"AfterExit", "lock-trace 1\nT exit\nU exit\n T exit\n", 4, 2, "thread 'T' has exited"},
      {"UseBeforeDeclaration", "lock-trace 1\nT release A\nlock A mutex\n", 2, 11, "not declared"},
      {"LongWordIsCut", "lock-trace 1\n" + std::string(1000, '+') + "\n", 2, 1, "+...' is not"},
  };
}

class MalformedTraceTest : public testing::TestWithParam<MalformedTrace> {};

TEST_P(MalformedTraceTest, IsAnErrorAtTheWord) {
  const TraceReadResult read = ReadTrace(GetParam().text);
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->position.line, GetParam().line) << read.error->message;
  EXPECT_EQ(read.error->position.column, GetParam().column) << read.error->message;
  EXPECT_NE(read.error->message.find(GetParam().message), std::string::npos) << read.error->message;
  EXPECT_FALSE(read.error->message.ends_with('.')) << read.error->message;
}

INSTANTIATE_TEST_SUITE_P(, MalformedTraceTest, testing::ValuesIn(MalformedTraces()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TraceReaderTest, KeepsTheEventsBeforeAnError) {
  const TraceReadResult read = ReadTrace("lock-trace 1\nlock A mutex\nT acquire A\nU acquire B\n");
  ASSERT_TRUE(read.error);
  EXPECT_EQ(WriteTrace(read.trace), "lock-trace 1\nlock A mutex\nT acquire A\n");
}

// --- Round trips
// -----------------------------------------------------------------------------------

TEST(TraceWriterTest, WritesCanonicalText) {
  const Trace trace = ReadWell(
      "lock-trace   1\nT1 exit # gone\n\nlock A rwsem class=A\nlock B rwsem class=X\n"
      "U acquire A  timed read\nU release A\nU mask hard\nU join T1\n");
  EXPECT_EQ(WriteTrace(trace),
            "lock-trace 1\nlock A rwsem\nlock B rwsem class=X\nT1 exit\nU acquire A read timed\n"
            "U release A\nU mask hard\nU join T1\n");
}

TEST(TraceWriterTest, RandomTracesSurviveWritingAndReading) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Trace trace = GenerateTrace(seed);
    const std::string text = WriteTrace(trace);
    const TraceReadResult read = ReadTrace(text);
    ASSERT_FALSE(read.error) << read.error->message << "\n" << text;
    ASSERT_TRUE(EqualButForPositions(trace, read.trace)) << text;
    ASSERT_EQ(WriteTrace(read.trace), text);
  }
}

// Whatever a random change breaks, the rest is still a trace, and the position is in the text.
TEST(TraceReaderTest, DamagedTracesAreReadAsFarAsTheyGo) {
  SeededRandom random(1);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    std::string text = WriteTrace(GenerateTrace(seed));
    text[random.Below(static_cast<int>(text.size()))] = static_cast<char>(random.Below(256));
    const TraceReadResult read = ReadTrace(text);
    const TraceReadResult again = ReadTrace(WriteTrace(read.trace));
    ASSERT_FALSE(again.error) << again.error->message;
    ASSERT_TRUE(EqualButForPositions(read.trace, again.trace)) << text;
    if (!read.error) continue;
    ASSERT_GE(read.error->position.line, 1);
    ASSERT_GE(read.error->position.column, 1);
    ASSERT_LE(read.error->position.column, static_cast<int>(text.size()) + 1);
  }
}

}  // namespace
}  // namespace rqlockdep
