#include "src/slice_extension.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

// Where the C library keeps a thread's rseq area, counted from the thread pointer, and how large
// the registered area is. glibc has them since 2.35; elsewhere they are null.
extern "C" {
[[gnu::weak]] extern const ptrdiff_t __rseq_offset;   // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] extern const unsigned int __rseq_size;  // NOLINT(bugprone-reserved-identifier)
}

namespace rqlockdep::internal {
namespace {

// The kernel's numbers (include/uapi/linux/prctl.h, rseq.h), which Debian's headers are too old
// for.
constexpr int kPrctlSliceExtension = 79;
constexpr unsigned long kSet = 2;
constexpr unsigned long kEnable = 1;
constexpr long kYieldSystemCall = 471;
constexpr size_t kControlOffset = 28;

// Set once a thread could not have the extension: no other asks again.
constinit std::atomic<bool> g_unknown{false};

SliceControl* ControlOfThread() {
#if defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
  if (&__rseq_size == nullptr || &__rseq_offset == nullptr) return nullptr;
  if (__rseq_size < kControlOffset + sizeof(SliceControl)) return nullptr;
  char* const area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  return reinterpret_cast<SliceControl*>(area + kControlOffset);
#endif
#endif
  return nullptr;
}

}  // namespace

SliceControl* SliceExtension::Enable() {
  // Relaxed: carries nothing but itself.
  if (g_unknown.load(std::memory_order_relaxed)) return nullptr;
  SliceControl* const control = ControlOfThread();
  const int saved_errno = errno;
  const bool enabled =
      control != nullptr && prctl(kPrctlSliceExtension, kSet, kEnable, 0UL, 0UL) == 0;
  errno = saved_errno;
  if (enabled) return control;
  g_unknown.store(true, std::memory_order_relaxed);
  return nullptr;
}

void SliceExtension::YieldSlice() {
  const int saved_errno = errno;
  syscall(kYieldSystemCall);
  errno = saved_errno;
}

}  // namespace rqlockdep::internal
