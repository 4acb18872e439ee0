// Functions with contexts, each beside one without, for object_code_test.sh to compare.
#include <pthread.h>
#include <signal.h>

#include <type_traits>

#include "rqlockdep/context.h"

extern "C" {

void Work();

void HandlerWithContexts(int signal) {
  const rqlockdep::SignalHandlerScope scope(signal);
  Work();
}
void HandlerWithout(int) { Work(); }

void CallbackWithContexts() {
  const rqlockdep::SoftContextScope scope;
  Work();
}
void CallbackWithout() { Work(); }

void MaskedWithContexts() {
  const rqlockdep::SoftMaskScope scope;
  rqlockdep::MaskSoft();
  const rqlockdep::ContextMark mark = rqlockdep::CurrentContext();
  Work();
  rqlockdep::ReturnToContext(mark);
  rqlockdep::UnmaskSoft();
}
void MaskedWithout() { Work(); }

int BlockSignalsWithContexts(int how, const sigset_t* set, sigset_t* old) {
  return rqlockdep::PthreadSigmask(how, set, old);
}
int BlockSignalsWithout(int how, const sigset_t* set, sigset_t* old) {
  return pthread_sigmask(how, set, old);
}

int InstallWithContexts(int signal, const struct sigaction* action, struct sigaction* old) {
  return rqlockdep::Sigaction(signal, action, old);
}
int InstallWithout(int signal, const struct sigaction* action, struct sigaction* old) {
  return sigaction(signal, action, old);
}
}

static_assert(RQLOCKDEP_VALIDATOR || std::is_empty_v<rqlockdep::SignalHandlerScope>);
static_assert(RQLOCKDEP_VALIDATOR || std::is_empty_v<rqlockdep::ContextMark>);
