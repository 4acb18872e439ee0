#include "tests/reference/trace_shrinker.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "rqlockdep/acquisition.h"
#include "tests/reference/reference_model.h"
#include "validator/trace/trace.h"
#include "validator/trace/trace_reader.h"
#include "validator/trace/trace_writer.h"

namespace rqlockdep {
namespace {

class TraceShrinker {
 public:
  TraceShrinker(const Trace& trace, const std::function<bool(const Trace&)>& still_fails)
      : still_fails_(still_fails), trace_(trace), may_end_early_(HasEventOfWaitingThread(trace)) {}

  Trace Shrink() {
    if (!still_fails_(trace_)) return trace_;
    bool progress = true;
    while (progress) {
      progress = DropEvents();
      progress |= SimplifyEvents();
      progress |= DropLocks();
      progress |= DropClasses();
    }
    return trace_;
  }

 private:
  static bool HasEventOfWaitingThread(const Trace& trace) {
    return RunReference(trace, {.judge_cycles = false}).error.has_value();
  }

  // Keeps `candidate` if it is well-formed and still fails.
  bool Try(const Trace& candidate) {
    TraceReadResult read = ReadTrace(WriteTrace(candidate));
    if (read.error) return false;
    if (!may_end_early_ && HasEventOfWaitingThread(read.trace)) return false;
    if (!still_fails_(read.trace)) return false;
    trace_ = std::move(read.trace);
    return true;
  }

  // Runs of events, long ones first: an enter with its leave, an acquisition with its release and
  // what lies between often go only together.
  bool DropEvents() {
    bool progress = false;
    for (size_t length = std::max<size_t>(trace_.events.size() / 2, 1); length > 0; length /= 2) {
      size_t first = 0;
      while (first + length <= trace_.events.size()) {
        Trace candidate = trace_;
        const auto begin = candidate.events.begin() + static_cast<std::ptrdiff_t>(first);
        candidate.events.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
        if (Try(candidate)) {
          progress = true;
        } else {
          ++first;
        }
      }
    }
    return DropPairs() || progress;
  }

  // An event and a later one of the same thread: what the runs above miss.
  bool DropPairs() {
    bool progress = false;
    for (size_t first = 0; first < trace_.events.size(); ++first) {
      for (size_t second = first + 1; second < trace_.events.size(); ++second) {
        if (trace_.events[first].thread != trace_.events[second].thread) continue;
        Trace candidate = trace_;
        candidate.events.erase(candidate.events.begin() + static_cast<std::ptrdiff_t>(second));
        candidate.events.erase(candidate.events.begin() + static_cast<std::ptrdiff_t>(first));
        if (Try(candidate)) {
          progress = true;
          second = first;  // the next event is at `first` now
        }
      }
    }
    return progress;
  }

  bool SimplifyEvents() {
    using Simplification = std::function<void(TraceEvent&)>;
    const Simplification simplifications[] = {
        [](TraceEvent& event) { event.read = false; },
        [](TraceEvent& event) { event.try_only = false; },
        [](TraceEvent& event) { event.timed = false; },
        [](TraceEvent& event) { event.subclass = 0; },
        [](TraceEvent& event) { event.nest = -1; },
        [](TraceEvent& event) { event.outcome = std::nullopt; },
    };
    bool progress = false;
    for (size_t i = 0; i < trace_.events.size(); ++i) {
      if (trace_.events[i].op != TraceOp::kAcquire) continue;
      for (const Simplification& simplify : simplifications) {
        const std::string before = WriteTraceEvent(trace_, trace_.events[i]);
        Trace candidate = trace_;
        simplify(candidate.events[i]);
        if (ReadsAs(candidate, i, before)) continue;
        progress |= Try(candidate);
      }
    }
    return progress;
  }

  // Whether event `i` would still be read as the line `before`: `read` of a section, say, is
  // implied.
  static bool ReadsAs(const Trace& candidate, size_t i, const std::string& before) {
    const TraceReadResult read = ReadTrace(WriteTrace(candidate));
    return !read.error && WriteTraceEvent(read.trace, read.trace.events[i]) == before;
  }

  bool DropLocks() {
    bool progress = false;
    for (int lock = static_cast<int>(trace_.locks.size()) - 1; lock >= 0; --lock) {
      const bool used = std::any_of(
          trace_.events.begin(), trace_.events.end(),
          [&](const TraceEvent& event) { return event.lock == lock || event.nest == lock; });
      if (used) continue;
      Trace candidate = trace_;
      candidate.locks.erase(candidate.locks.begin() + lock);
      for (TraceEvent& event : candidate.events) {
        if (event.lock > lock) --event.lock;
        if (event.nest > lock) --event.nest;
      }
      progress |= Try(candidate);
    }
    return progress;
  }

  bool DropClasses() {
    bool progress = false;
    for (size_t i = 0; i < trace_.locks.size(); ++i) {
      if (trace_.locks[i].class_name == trace_.locks[i].name) continue;
      Trace candidate = trace_;
      candidate.locks[i].class_name = candidate.locks[i].name;
      progress |= Try(candidate);
    }
    return progress;
  }

  const std::function<bool(const Trace&)>& still_fails_;
  Trace trace_;
  const bool may_end_early_;
};

}  // namespace

Trace Shrink(const Trace& trace, const std::function<bool(const Trace&)>& still_fails) {
  return TraceShrinker(trace, still_fails).Shrink();
}

}  // namespace rqlockdep
