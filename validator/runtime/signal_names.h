// Signals by name, as users write them in options.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_NAMES_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_NAMES_H_

#include <string_view>

namespace rqlockdep {

// "SIGQUIT", "QUIT", "3", "SIGRTMIN+2", "RTMAX-1"; "none" and "0" are no signal, 0. False for what
// is no signal, or none that a program can catch. Signal-safe.
bool ParseSignal(std::string_view text, int* signal);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_SIGNAL_NAMES_H_
