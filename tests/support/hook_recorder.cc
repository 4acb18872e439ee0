#include "tests/support/hook_recorder.h"

#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace rqlockdep {
namespace {

struct Call {
  std::thread::id thread;
  std::string text;
};
struct Waiter {
  hooks::CancelCallback cancel;
  void* argument;
};

struct State {
  std::mutex mutex;
  std::map<const hooks::LockMap*, std::string> names;
  std::map<const hooks::LockMap*, Waiter> waiters;
  std::vector<Call> calls;
  std::function<void(const std::string&)> observer;
};
State& TheState() {
  static State* const state = new State;  // hooks are called until the very end
  return *state;
}
thread_local bool observing = false;

void Record(const hooks::LockMap& map, const std::string& what, const std::string& details = "") {
  State& state = TheState();
  std::string text;
  std::function<void(const std::string&)> observer;
  {
    const std::lock_guard lock(state.mutex);
    const auto name = state.names.find(&map);
    if (name == state.names.end()) return;
    text = what + " " + name->second + details;
    state.calls.push_back({std::this_thread::get_id(), text});
    observer = state.observer;
  }
  if (observer != nullptr && !std::exchange(observing, true)) {
    observer(text);
    observing = false;
  }
}

std::string Details(const hooks::AcquireArguments& arguments) {
  std::string details;
  switch (arguments.strength) {
    case Strength::kBlocking:
      details = " blocking";
      break;
    case Strength::kTimed:
      details = " timed";
      break;
    case Strength::kResilient:
      details = " resilient";
      break;
    case Strength::kTry:
      details = " try";
      break;
  }
  if (arguments.mode != LockMode::kExclusive) details += " shared";
  if (arguments.subclass != 0) details += " subclass=" + std::to_string(arguments.subclass);
  if (arguments.nest != nullptr) {
    State& state = TheState();
    const std::lock_guard lock(state.mutex);
    details += " nest=" + state.names[arguments.nest];
  }
  return details;
}

}  // namespace

void HookRecorder::Start() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.calls.clear();
  state.names.clear();
  state.waiters.clear();
  state.observer = nullptr;
}

void HookRecorder::Name(const hooks::LockMap& map, const std::string& name) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.names[&map] = name;
}

std::vector<std::string> HookRecorder::CallsOfThisThread() {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  std::vector<std::string> texts;
  for (const Call& call : state.calls) {
    if (call.thread == std::this_thread::get_id()) texts.push_back(call.text);
  }
  return texts;
}

void HookRecorder::SetObserver(std::function<void(const std::string&)> observer) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  state.observer = std::move(observer);
}

void HookRecorder::Cancel(const hooks::LockMap& map) {
  State& state = TheState();
  const std::lock_guard lock(state.mutex);
  const Waiter& waiter = state.waiters.at(&map);
  waiter.cancel(waiter.argument);
}

namespace hooks {

void Construct(LockMap&) {}
void Init(LockMap& map, LockKind kind, const LockClass* key) {
  Record(map, "Init",
         " kind=" + std::to_string(static_cast<int>(kind)) + " key=" + (key ? key->name() : "-"));
}
void AcquirePlain(LockMap& map, PlainArguments arguments) {
  AcquireWith(map, arguments.unpacked());
}

void AcquireWith(LockMap& map, const AcquireArguments& arguments) {
  Record(map, "Acquire", Details(arguments));
}
bool Waiting(LockMap& map, CancelCallback cancel, void* argument) {
  {
    State& state = TheState();
    const std::lock_guard lock(state.mutex);
    state.waiters[&map] = {cancel, argument};
  }
  Record(map, "Waiting", cancel != nullptr ? " cancellable" : "");
  return false;
}
void Acquired(LockMap& map) { Record(map, "Acquired"); }
void Failed(LockMap& map, FailReason reason) {
  const char* const name = reason == FailReason::kBusy       ? " busy"
                           : reason == FailReason::kTimedOut ? " timed out"
                                                             : " deadlock";
  Record(map, "Failed", name);
}
void TryAcquire(LockMap& map, const AcquireArguments& arguments, bool got_it) {
  Record(map, "TryAcquire", Details(arguments) + (got_it ? " got" : " busy"));
}
void Release(LockMap& map) { Record(map, "Release"); }
void Downgrade(LockMap& map) { Record(map, "Downgrade"); }
void Destroy(LockMap& map) { Record(map, "Destroy"); }
void MemoryFreed(const void*, size_t) {}
void SignalsBlocked(uint64_t) {}

}  // namespace hooks
}  // namespace rqlockdep
