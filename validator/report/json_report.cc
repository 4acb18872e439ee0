#include "validator/report/json_report.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "nlohmann/json.hpp"
#include "validator/report/call_stack.h"
#include "validator/report/spelling.h"
#include "validator/report/text_report.h"

namespace rqlockdep {
namespace {

using Json = nlohmann::ordered_json;

const char* StrengthName(Strength strength) {
  switch (strength) {
    case Strength::kBlocking:
      return "blocking";
    case Strength::kTimed:
      return "timed";
    case Strength::kResilient:
      return "resilient";
    case Strength::kTry:
      return "try";
  }
  return "blocking";
}

const char* ModeKey(LockMode mode) {
  switch (mode) {
    case LockMode::kExclusive:
      return "exclusive";
    case LockMode::kReader:
      return "reader";
    case LockMode::kRecursiveReader:
      return "recursive-reader";
  }
  return "exclusive";
}

const char* ContextKey(ContextKind context) {
  switch (context) {
    case ContextKind::kHard:
      return "hard";
    case ContextKind::kHardThreaded:
      return "hard-threaded";
    case ContextKind::kSoft:
      return "soft";
  }
  return "hard";
}

const char* FailReasonKey(FailReason reason) {
  switch (reason) {
    case FailReason::kBusy:
      return "busy";
    case FailReason::kTimedOut:
      return "timeout";
    case FailReason::kDeadlock:
      return "deadlock";
  }
  return "busy";
}

const char* DetailKey(FindingDetail detail) {
  switch (detail) {
    case FindingDetail::kNone:
      return "none";
    case FindingDetail::kNotHeld:
      return "not-held";
    case FindingDetail::kHeldByOther:
      return "held-by-other";
    case FindingDetail::kHeldOutsideContext:
      return "held-outside-context";
    case FindingDetail::kAcquisitionFailed:
      return "acquisition-failed";
    case FindingDetail::kDowngradeNotExclusive:
      return "downgrade-not-exclusive";
    case FindingDetail::kInit:
      return "init";
    case FindingDetail::kDestroy:
      return "destroy";
    case FindingDetail::kMemoryFreed:
      return "memory-freed";
    case FindingDetail::kThreadExit:
      return "thread-exit";
    case FindingDetail::kContextLeave:
      return "context-leave";
    case FindingDetail::kSelfDeadlock:
      return "self-deadlock";
    case FindingDetail::kSameClass:
      return "same-class";
  }
  return "none";
}

class Writer {
 public:
  explicit Writer(Names& names) : names_(names) {}

  std::string ClassName(const ClassInfo& info) {
    scratch_.Clear();
    names_.WriteClassName(info, scratch_);
    if (info.version > 1) (scratch_ << '#').Decimal(info.version);
    if (info.subclass > 0) (scratch_ << '/').Decimal(info.subclass);
    return std::string(scratch_.text());
  }

  std::string ThreadName(ThreadId thread) {
    scratch_.Clear();
    names_.WriteThread(thread, scratch_);
    return std::string(scratch_.text());
  }

  Json Stack(std::span<const uintptr_t> addresses) {
    Json frames = Json::array();
    for (const uintptr_t address : addresses) {
      for (const SourceFrame& position : names_.Symbolize(address)) {
        Json frame = Json::object();
        if (position.function != nullptr) frame["function"] = position.function;
        if (position.file != nullptr) {
          frame["file"] = position.file;
          frame["line"] = position.line;
        }
        if (position.module != nullptr) {
          frame["module"] = position.module;
          frame["offset"] = position.offset;
        }
        frames.push_back(std::move(frame));
      }
    }
    return frames;
  }

  Json Lock(const FindingLock& lock) {
    Json json = Json::object();
    if (lock.lock_class != nullptr) {
      json["class"] = ClassName(*lock.lock_class);
      json["kind"] = report::KindName(lock.lock_class->kind);
    }
    if (lock.instance != nullptr) {
      scratch_.Clear();
      names_.WriteInstance(lock.instance, scratch_);
      json["instance"] = std::string(scratch_.text());
    }
    json["mode"] = ModeKey(lock.mode);
    json["strength"] = StrengthName(lock.strength);
    if (lock.waiting) json["waiting"] = true;
    if (!lock.this_context) json["this_context"] = false;
    const std::span<const uintptr_t> site = report::Frames(lock.site);
    if (!site.empty()) json["site"] = Stack(site);
    if (lock.stack != kNoStack) {
      json["stack"] = Stack(names_.Stack(lock.stack));
      json["stack_is_exact"] = lock.stack_is_exact;
    }
    return json;
  }

  Json Locks(std::span<const FindingLock> locks) {
    Json json = Json::array();
    for (const FindingLock& lock : locks) json.push_back(Lock(lock));
    return json;
  }

  // In the order of a cycle; else the lock in question first, then what it conflicts with.
  Json Classes(const Finding& finding) {
    std::vector<const ClassInfo*> classes;
    const auto add = [&](const FindingLock& lock) {
      if (lock.lock_class == nullptr) return;
      if (std::ranges::find(classes, lock.lock_class) == classes.end()) {
        classes.push_back(lock.lock_class);
      }
    };
    for (const FindingEdge& edge : finding.edges) add(edge.held);
    for (const FindingThread& thread : finding.threads) add(thread.waits_for);
    if (classes.empty()) {
      add(finding.lock);
      add(finding.other);
      if (finding.id == FindingId::kHeldAtExit) {
        for (const FindingLock& lock : finding.held) add(lock);
      }
    }
    Json json = Json::array();
    for (const ClassInfo* const info : classes) json.push_back(ClassName(*info));
    return json;
  }

  Json Edge(const FindingEdge& edge) {
    Json json = Json::object();
    json["strength"] = StrengthName(edge.asked.strength);
    json["thread"] = ThreadName(edge.thread);
    if (edge.implicit) json["context"] = ContextKey(edge.context);
    json["held"] = Lock(edge.held);
    json["asked"] = Lock(edge.asked);
    return json;
  }

  Json Thread(const FindingThread& thread) {
    Json json = Json::object();
    json["thread"] = ThreadName(thread.thread);
    json["waits_for"] = Lock(thread.waits_for);
    json["held"] = Locks(thread.held);
    json["gives_way"] = thread.gives_way;
    return json;
  }

 private:
  Names& names_;
  TextWriter scratch_;
};

}  // namespace

nlohmann::ordered_json JsonReport(const Finding& finding, Names& names) {
  Writer writer(names);
  Json json = Json::object();
  json["id"] = ToString(finding.id);
  json["severity"] = ToString(finding.severity);
  json["confidence"] = ToString(finding.confidence);
  json["classes"] = writer.Classes(finding);
  TextWriter message;
  WriteMessage(finding, names, message);
  json["message"] = std::string(message.text());
  if (finding.detail != FindingDetail::kNone) json["detail"] = DetailKey(finding.detail);
  if (finding.thread != kNoThread) json["thread"] = writer.ThreadName(finding.thread);
  if (finding.other_thread != kNoThread) {
    json["other_thread"] = writer.ThreadName(finding.other_thread);
  }
  if (finding.lock.lock_class != nullptr || finding.lock.instance != nullptr) {
    json["lock"] = writer.Lock(finding.lock);
  }
  if (finding.other.lock_class != nullptr || finding.other.instance != nullptr) {
    json["other"] = writer.Lock(finding.other);
  }
  if (finding.id == FindingId::kNotUnwound || finding.detail == FindingDetail::kAcquisitionFailed) {
    json["fail_reason"] = FailReasonKey(finding.fail_reason);
  }
  if (finding.id == FindingId::kInvalidWaitContext) {
    json["rank_needed"] = report::RankName(finding.rank_needed);
    json["rank_current"] = report::RankName(finding.rank_current);
  }
  json["held"] = writer.Locks(finding.held);
  if (!finding.edges.empty()) {
    json["linked"] = finding.linked;
    Json edges = Json::array();
    for (const FindingEdge& edge : finding.edges) edges.push_back(writer.Edge(edge));
    json["edges"] = std::move(edges);
  }
  if (!finding.threads.empty()) {
    Json threads = Json::array();
    for (const FindingThread& thread : finding.threads) threads.push_back(writer.Thread(thread));
    json["threads"] = std::move(threads);
  }
  return json;
}

std::string JsonLine(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rqlockdep
