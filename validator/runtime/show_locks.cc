// rqlockdep/show_locks.h, and the signal that asks for it.
#include "rqlockdep/show_locks.h"

#include <signal.h>

#include "validator/lock_snapshot.h"
#include "validator/report/lock_list_text.h"
#include "validator/runtime/output.h"
#include "validator/runtime/plain_names.h"
#include "validator/runtime/runtime.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

// Keeps what the calling thread does out of the validator for a while.
class InsideScope {
 public:
  InsideScope() : before_(t_context.inside) { t_context.inside = true; }
  ~InsideScope() { t_context.inside = before_; }
  InsideScope(const InsideScope&) = delete;
  InsideScope& operator=(const InsideScope&) = delete;

  // A signal handler that interrupted the validator on this thread.
  bool was_inside() const { return before_; }

 private:
  const bool before_;
};

void OnDumpSignal(int) { rqlockdep_show_all_locks(); }

}  // namespace

void Runtime::ShowAllLocks() {
  const ErrnoSaver saver;
  const InsideScope inside;
  Arena arena;
  size_t others = 0;
  const std::span<const ThreadLocks> threads = TakeLockSnapshot(validator_, arena, &others);
  // A report may be in the making on another thread. This thread's own will not get done.
  constexpr int kTries = 50;
  bool locked = reporter_.mutex().try_lock();
  for (int i = 0; !locked && !inside.was_inside() && i < kTries; ++i) {
    environment_.Rest();
    locked = reporter_.mutex().try_lock();
  }
  TextWriter out;
  if (locked) {
    WriteLockList(threads, others, names_, out);
    reporter_.mutex().unlock();
  } else {
    PlainNames names;
    WriteLockList(threads, others, names, out);
  }
  WriteReport(out.text());
}

void Runtime::InstallDumpSignal(int signal) {
  struct sigaction action = {};
  action.sa_handler = &OnDumpSignal;
  // An alternate stack if the thread has one; interrupted system calls go on.
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace rqlockdep

void rqlockdep_show_all_locks() {
  rqlockdep::Runtime* const runtime = rqlockdep::Runtime::Get();
  if (runtime != nullptr) {
    runtime->ShowAllLocks();
  } else {
    rqlockdep::WriteReport("rqlockdep: no locks are known: the validator is off\n");
  }
}
