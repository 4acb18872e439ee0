#include "validator/trace/trace_writer.h"

#include <string>
#include <string_view>

#include "validator/trace/trace.h"
#include "validator/trace/trace_words.h"

namespace rqlockdep {
namespace {

void AppendWord(std::string& line, std::string_view prefix, std::string_view word = {}) {
  if (!line.empty()) line += ' ';
  line += prefix;
  line += word;
}

void AppendAcquireOptions(std::string& line, const Trace& trace, const TraceEvent& event) {
  if (event.read) AppendWord(line, kReadWord);
  if (event.try_only) AppendWord(line, kTryWord);
  if (event.timed) AppendWord(line, kTimedWord);
  if (event.subclass != 0) AppendWord(line, kSubclassPrefix, std::to_string(event.subclass));
  if (event.nest >= 0) AppendWord(line, kNestPrefix, trace.locks[event.nest].name);
  if (event.outcome) {
    AppendWord(line, kOutcomePrefix, WordOf(kTraceOutcomeWords, *event.outcome));
  }
}

std::string DeclarationLine(const TraceLock& lock) {
  std::string line;
  AppendWord(line, kLockWord);
  AppendWord(line, lock.name);
  AppendWord(line, WordOf(kLockKindWords, lock.kind));
  if (lock.class_name != lock.name) AppendWord(line, kClassPrefix, lock.class_name);
  return line;
}

}  // namespace

std::string WriteTraceEvent(const Trace& trace, const TraceEvent& event) {
  std::string line = trace.threads[event.thread];
  AppendWord(line, WordOf(kTraceOpWords, event.op));
  switch (event.op) {
    case TraceOp::kAcquire:
      AppendWord(line, trace.locks[event.lock].name);
      AppendAcquireOptions(line, trace, event);
      break;
    case TraceOp::kRelease:
    case TraceOp::kDowngrade:
    case TraceOp::kInit:
    case TraceOp::kDestroy:
      AppendWord(line, trace.locks[event.lock].name);
      break;
    case TraceOp::kEnter:
    case TraceOp::kLeave:
    case TraceOp::kMask:
    case TraceOp::kUnmask:
      AppendWord(line, WordOf(kContextWords, event.context));
      break;
    case TraceOp::kSpawn:
    case TraceOp::kJoin:
      AppendWord(line, trace.threads[event.other_thread]);
      break;
    case TraceOp::kExit:
      break;
  }
  return line;
}

std::string WriteTrace(const Trace& trace) {
  std::string text;
  AppendWord(text, kTraceMagicWord);
  AppendWord(text, kTraceVersionWord);
  text += '\n';
  for (const TraceLock& lock : trace.locks) text += DeclarationLine(lock) + '\n';
  for (const TraceEvent& event : trace.events) text += WriteTraceEvent(trace, event) + '\n';
  return text;
}

}  // namespace rqlockdep
