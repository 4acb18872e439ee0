// Signal masks as the kernel has them: 64 bits, bit n-1 for signal n.
//
// Shared by what blocks signals (res_spin_lock.h) and by the validator, which has to know what that
// means. Signal-safe; no errors.
#ifndef RQLOCKDEP_INTERNAL_SIGNAL_MASKS_H_
#define RQLOCKDEP_INTERNAL_SIGNAL_MASKS_H_

#include <signal.h>

#include <cstdint>
#include <cstring>

namespace rqlockdep::internal {

constexpr uint64_t SignalBit(int signal) {
  return signal >= 1 && signal <= 64 ? uint64_t{1} << (signal - 1) : 0;
}

// Those that come from outside the thread. Not those that its own instructions cause, which
// blocking does not keep off; nor SIGKILL and SIGSTOP, which nothing keeps off; nor what libc keeps
// for itself.
inline uint64_t AsynchronousSignals() {
  uint64_t signals = ~(SignalBit(SIGSEGV) | SignalBit(SIGBUS) | SignalBit(SIGFPE) |
                       SignalBit(SIGILL) | SignalBit(SIGTRAP) | SignalBit(SIGSYS) |
                       SignalBit(SIGABRT) | SignalBit(SIGKILL) | SignalBit(SIGSTOP));
  // The kernel's first real-time signal is 32. Libc keeps those below its own SIGRTMIN for itself.
  for (int signal = 32; signal < SIGRTMIN; ++signal) signals &= ~SignalBit(signal);
  return signals;
}

// A sigset_t begins with the kernel's mask.
static_assert(sizeof(sigset_t) >= sizeof(uint64_t));
inline uint64_t KernelMask(const sigset_t& set) {
  uint64_t mask;
  memcpy(&mask, &set, sizeof(mask));
  return mask;
}

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_INTERNAL_SIGNAL_MASKS_H_
