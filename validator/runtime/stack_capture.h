// The stack of the calling thread, as return addresses, innermost first. Two ways:
//
// CaptureStack: by the unwind tables. Right with and without frame pointers, also through signal
// handlers and system libraries. Costs microseconds.
// WalkFramePointers: by the chain of frame pointers. Costs a load or two a frame. Where code was
// built without frame pointers it stops or gives addresses that mean nothing, so use it where a
// wrong frame only makes a text worse, or where the answer is compared with a known one.
//
// Signals: both may run in a handler, also on an alternate stack. Neither allocates nor takes a
// lock: with glibc 2.35 and GCC 12 or newer the unwinder finds tables with _dl_find_object. One
// exception cannot be helped: when code was registered by __register_frame (JIT compilers, static
// glibc), libgcc takes a lock of its own.
// errno is kept.
#ifndef RQLOCKDEP_VALIDATOR_RUNTIME_STACK_CAPTURE_H_
#define RQLOCKDEP_VALIDATOR_RUNTIME_STACK_CAPTURE_H_

#include <cstddef>
#include <cstdint>

namespace rqlockdep {

// Makes the unwinder do now what it does only once (pthread_once, lazy binding). Call it at start,
// so that the first CaptureStack may be in a signal handler that interrupts anything.
void WarmUpStackCapture();

// Writes at most `capacity` return addresses and returns how many. Skips the innermost `skip`: with
// 0 the first is in the caller of CaptureStack.
[[gnu::noinline]] size_t CaptureStack(uintptr_t* frames, size_t capacity, size_t skip);

// Writes at most `count` return addresses and returns how many; `frame` is the frame to begin at.
// The default is that of the function that calls WalkFramePointers, so out[0] is the address that
// this function will return to. Never reads memory that is not the stack.
int WalkFramePointers(uintptr_t* out, int count, const void* frame = __builtin_frame_address(0));

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_RUNTIME_STACK_CAPTURE_H_
