#include "validator/runtime/stack_capture.h"

#include <pthread.h>
#include <signal.h>
#include <unwind.h>

#include <atomic>

#include "validator/runtime/system_calls.h"

// Where the main thread's stack begins; glibc's dynamic linker exports it. Weak, because a static
// program may lack it.
extern "C" [[gnu::weak]] void* __libc_stack_end;

namespace rqlockdep {
namespace {

struct UnwindState {
  uintptr_t* frames;
  size_t capacity;
  size_t count;
  size_t skip;
};

_Unwind_Reason_Code AddFrame(_Unwind_Context* context, void* argument) {
  auto* state = static_cast<UnwindState*>(argument);
  if (state->count == state->capacity) return _URC_END_OF_STACK;
  const uintptr_t address = _Unwind_GetIP(context);
  if (address == 0) return _URC_END_OF_STACK;
  if (state->skip > 0) {
    --state->skip;
  } else {
    state->frames[state->count++] = address;
  }
  return _URC_NO_REASON;
}

constexpr uintptr_t kPageSize = 4096;  // or a divisor of the real one
// A frame that lies further from the one before is not believed.
constexpr uintptr_t kMaxFrameSize = 256 * kPageSize;
// How deep a thread may be when it is first seen, in pages that have to be probed.
constexpr uintptr_t kMaxStackProbe = 2048 * kPageSize;

// The part of this thread's own stack that is known to be readable: it stays so while the thread
// lives, since a stack is not unmapped below what is in use. Constant-initialised and initial-exec:
// the access makes no call, which might allocate.
struct KnownStack {
  uintptr_t low;
  uintptr_t high;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local KnownStack known_stack = {0, 0};

// The kernel reads 8 bytes at `address` for us, and fails if it cannot: the cheapest system call
// that looks before it judges its other arguments. Nothing is changed, since `how` is invalid.
bool IsReadable(uintptr_t address) {
  constexpr int kInvalidHow = ~0;
  constexpr size_t kKernelSignalSetSize = 8;
  return RawSystemCall(SYS_rt_sigprocmask, kInvalidHow, address, nullptr, kKernelSignalSetSize) !=
         -EFAULT;
}

bool AllReadable(uintptr_t low, uintptr_t high) {
  for (uintptr_t page = low & ~(kPageSize - 1); page < high; page += kPageSize) {
    if (!IsReadable(page)) return false;
  }
  return true;
}

// Extends known_stack down to `frame`; false when `frame` is not on the thread's own stack, but on
// an alternate signal stack or that of a coroutine. pthread_getattr_np would tell the bounds, but
// it allocates. Instead: glibc puts a thread's descriptor at the upper end of its stack, and
// __libc_stack_end is the upper end of the main thread's. If everything from `frame` up to one of
// them is readable, without a gap, then that is the stack: others have a guard page between.
bool ExtendKnownStack(uintptr_t frame) {
  const uintptr_t low = frame & ~(kPageSize - 1);
  KnownStack& known = known_stack;
  if (known.high != 0) {
    if (frame >= known.high || known.low - low > kMaxStackProbe) return false;
    if (!AllReadable(low, known.low)) return false;
    known.low = low;
    return true;
  }
  const uintptr_t ends[] = {
      reinterpret_cast<uintptr_t>(pthread_self()),
      &__libc_stack_end != nullptr ? reinterpret_cast<uintptr_t>(__libc_stack_end) : 0};
  for (uintptr_t end : ends) {
    if (end <= frame || end - frame > kMaxStackProbe || !AllReadable(low, end)) continue;
    // A handler that interrupts us between the stores sees an empty range.
    known.low = low;
    std::atomic_signal_fence(std::memory_order_release);
    known.high = end;
    return true;
  }
  return false;
}

// Sanitizers do not know that a frame's own bookkeeping may be read.
__attribute__((no_sanitize("address"), no_sanitize("thread"))) uintptr_t ReadWord(
    uintptr_t address) {
  return *reinterpret_cast<const volatile uintptr_t*>(address);
}

}  // namespace

void WarmUpStackCapture() {
  uintptr_t frames[4];
  CaptureStack(frames, 4, 0);
}

size_t CaptureStack(uintptr_t* frames, size_t capacity, size_t skip) {
  ErrnoSaver saver;
  // The innermost frame that the unwinder shows is this function's own.
  UnwindState state = {frames, capacity, 0, skip + 1};
  _Unwind_Backtrace(&AddFrame, &state);
  return state.count;
}

int WalkFramePointers(uintptr_t* out, int count, const void* frame) {
#if defined(__x86_64__) || defined(__aarch64__)
  // A frame pointer leads to the caller's frame pointer, with the return address above it.
  constexpr uintptr_t kWord = sizeof(uintptr_t);
  uintptr_t current = reinterpret_cast<uintptr_t>(frame);
  const uintptr_t high = known_stack.high;
  uintptr_t readable_until = 0;
  if (current >= known_stack.low && current < high) {
    readable_until = high;
  } else if (ExtendKnownStack(current)) {
    readable_until = known_stack.high;
  }
  int written = 0;
  while (written < count) {
    if (current % kWord != 0) break;
    // On a foreign stack nothing lasts, so each frame is probed anew.
    if (current + 2 * kWord > readable_until &&
        (readable_until != 0 || !IsReadable(current) || !IsReadable(current + kWord))) {
      break;
    }
    const uintptr_t return_address = ReadWord(current + kWord);
    if (return_address < kPageSize) break;
    out[written++] = return_address;
    const uintptr_t next = ReadWord(current);
    // Stacks grow down, so callers lie above; anything else is not a frame pointer.
    if (next < current + 2 * kWord || next - current > kMaxFrameSize) break;
    current = next;
  }
  return written;
#else
  (void)frame;
  const size_t captured = CaptureStack(out, static_cast<size_t>(count), /*skip=*/1);
  return static_cast<int>(captured);
#endif
}

}  // namespace rqlockdep
