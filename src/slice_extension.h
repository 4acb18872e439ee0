// The kernel's time-slice extension (Linux 7.0, "rseq slice extension"): a thread that is about to
// lose its processor may ask to keep it for some 10 us more, so that it can give back a lock first.
//
// A thread opts in once (Enable). Then it sets `request` before a section and takes it back
// afterwards; if the kernel has granted the extension meanwhile, it gives the processor up at once,
// which is the other half of the bargain. Both sides share a word in the thread's rseq area, which
// the C library registers.
//
// An offer, never a need: on a kernel or C library without it Enable says no, and nothing else
// happens. Safe in signal handlers. Used by waiters only (spinlock_slow_path.h): the uncontended
// way pays nothing for it.
#ifndef RQLOCKDEP_SRC_SLICE_EXTENSION_H_
#define RQLOCKDEP_SRC_SLICE_EXTENSION_H_

#include <atomic>
#include <cstdint>

namespace rqlockdep::internal {

// What a thread shares with the kernel: the word at offset 28 of its rseq area.
struct SliceControl {
  std::atomic<uint8_t> request{0};  // written by the thread; the kernel clears it when it grants
  std::atomic<uint8_t> granted{0};  // written by the kernel
  uint16_t reserved = 0;
};
static_assert(sizeof(SliceControl) == 4);

// One for each thread. The requests of sections that lie within or overlap one another are one: it
// is taken back when the last of them ends.
class SliceExtension {
 public:
  // Opts the calling thread in. Null if there is no such thing here. A system call or none.
  static SliceControl* Enable();

  // From now until the matching End the thread would like to keep its processor.
  void Begin(SliceControl& control) {
    // Relaxed, here and in End: for handlers of this thread only, and these End as often as they
    // Begin, so a load and a store will do.
    sections_.store(sections_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // Relaxed: shared with the kernel only, which looks when it has interrupted this thread. The
    // fence keeps the compiler from moving the section across.
    control.request.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  // `yield` gives the processor back: YieldSlice, or a test's own. Called if an extension was
  // granted and no section is left. Does nothing if there is none: then it was another thread's.
  template <class Yield>
  void End(SliceControl& control, Yield yield) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const uint32_t sections = sections_.load(std::memory_order_relaxed);
    if (sections == 0) return;
    sections_.store(sections - 1, std::memory_order_relaxed);
    if (sections != 1) return;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // Relaxed: as in Begin. First `request`, so that nothing is granted after the question below.
    control.request.store(0, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (control.granted.load(std::memory_order_relaxed) != 0) yield();
  }

  // The system call that ends an extension.
  static void YieldSlice();

 private:
  std::atomic<uint32_t> sections_{0};  // how many have begun and not ended
};

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_SLICE_EXTENSION_H_
