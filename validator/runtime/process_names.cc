#include "validator/runtime/process_names.h"

#include <sys/prctl.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "validator/core/arena.h"
#include "validator/runtime/elf_symbols.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

// Locks and libraries are constructed through inline functions of their headers; whoever reads a
// report looks for the code that did so.
bool IsHeaderOfALibrary(const char* file) {
  if (file == nullptr) return false;
  const std::string_view path(file);
  return path.starts_with("/usr/include/") || path.starts_with("/usr/lib/") ||
         path.find("include/rqlockdep/") != std::string_view::npos;
}

bool IsHookHeader(const char* file) {
  return file != nullptr && std::string_view(file).ends_with("rqlockdep/hooks.h");
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The name that thread `kernel_id` has now, without line end; false if there is no such thread.
bool ReadThreadName(int kernel_id, char* name, size_t capacity) {
  char path[64] = "/proc/self/task/";
  char* end = std::to_chars(path + strlen(path), path + sizeof(path) - 8, kernel_id).ptr;
  memcpy(end, "/comm", sizeof("/comm"));
  const ptrdiff_t size = ReadSmallFile(path, name, capacity);
  if (size <= 0) return false;
  if (name[size - 1] == '\n') name[size - 1] = '\0';
  return true;
}

}  // namespace

ProcessNames::Thread* ProcessNames::Find(ThreadId thread, bool make) {
  // Segment k holds the numbers from 2^k to 2^(k+1) - 1.
  const int k = std::bit_width(thread) - 1;
  if (k < 0) return nullptr;
  const size_t size = size_t{1} << k;
  // Acquire: pairs with the compare-and-swap of whoever made the segment.
  Thread* segment = segments_[k].load(std::memory_order_acquire);
  if (segment == nullptr) {
    if (!make) return nullptr;
    void* memory = MapMemory(size * sizeof(Thread));  // zeroed, which is an empty Thread
    if (memory == nullptr) return nullptr;
    auto* made = static_cast<Thread*>(memory);
    if (segments_[k].compare_exchange_strong(segment, made, std::memory_order_acq_rel)) {
      segment = made;
    } else {
      UnmapMemory(memory, size * sizeof(Thread));
    }
  }
  return segment + (thread - size);
}

void ProcessNames::NameThread(ThreadId thread) {
  Thread* entry = Find(thread, /*make=*/true);
  if (entry == nullptr) return;
  RawSystemCall(SYS_prctl, PR_GET_NAME, entry->name, 0, 0, 0);
  // Release: whoever sees the id sees the name.
  entry->kernel_id.store(static_cast<int>(RawSystemCall(SYS_gettid)), std::memory_order_release);
  ThreadId highest = highest_.load(std::memory_order_relaxed);
  while (highest < thread &&
         !highest_.compare_exchange_weak(highest, thread, std::memory_order_relaxed)) {
  }
}

void ProcessNames::WriteThread(ThreadId thread, TextWriter& out) {
  out << "thread ";
  out.Decimal(thread);
  const Thread* entry = Find(thread, /*make=*/false);
  const int kernel_id = entry == nullptr ? 0 : entry->kernel_id.load(std::memory_order_acquire);
  if (kernel_id == 0) return;
  if (kernel_id == RawSystemCall(SYS_getpid)) {
    out << " (main)";
    return;
  }
  // The system uses the ids of threads that ended again: then the younger thread has the name.
  bool is_latest = true;
  const ThreadId highest = highest_.load(std::memory_order_relaxed);
  for (ThreadId other = thread + 1; is_latest && other <= highest; ++other) {
    const Thread* younger = Find(other, /*make=*/false);
    is_latest =
        younger == nullptr || younger->kernel_id.load(std::memory_order_acquire) != kernel_id;
  }
  char now[kNameSize + 1];
  const char* name = entry->name;
  if (is_latest && ReadThreadName(kernel_id, now, sizeof(now))) name = now;
  // A thread without a name of its own has that of the program.
  char program[kNameSize + 1];
  if (name[0] == '\0' ||
      (ReadThreadName(static_cast<int>(RawSystemCall(SYS_getpid)), program, sizeof(program)) &&
       strcmp(name, program) == 0)) {
    return;
  }
  out << " (" << name << ")";
}

void ProcessNames::WriteClassName(const ClassInfo& lock_class, TextWriter& out) {
  const ClassKey& key = lock_class.key;
  if (key.name != nullptr) {
    out << key.name;
    return;
  }
  if (key.type != ClassKey::Type::kSite) {
    out << "lock ";
    out.Hex(key.address);
    return;
  }
  if (key.module != 0 && ModuleNumber(key.address - 1) != key.module) {
    out << "a lock of a library that was unloaded, ";
    out.Hex(key.address);
    return;
  }
  const std::span<const SourceFrame> frames = symbolizer_.Symbolize(key.address);
  size_t i = 0;
  // What called LockMap's constructor is the constructor of the lock.
  if (frames.size() > 2 && IsHookHeader(frames[0].file)) i = 2;
  while (i + 1 < frames.size() && IsHeaderOfALibrary(frames[i].file)) ++i;
  const SourceFrame& frame = frames[i];
  if (frame.function != nullptr) {
    out << frame.function;
  } else if (frame.module != nullptr) {
    out << BaseName(frame.module) << '+';
    out.Hex(frame.offset);
  } else {
    out.Hex(key.address);
  }
  if (frame.file != nullptr) {
    out << " at " << BaseName(frame.file) << ':';
    out.Decimal(frame.line);
  }
}

void ProcessNames::WriteInstance(const void* instance, TextWriter& out) {
  out.Hex(reinterpret_cast<uintptr_t>(instance));
}

std::span<const uintptr_t> ProcessNames::Stack(StackId stack) {
  return stacks_ == nullptr ? std::span<const uintptr_t>() : stacks_->Frames(stack);
}

std::span<const SourceFrame> ProcessNames::Symbolize(uintptr_t address) {
  return symbolizer_.Symbolize(address);
}

void ProcessNames::Prefetch(std::span<const uintptr_t> addresses) {
  symbolizer_.Prefetch(addresses);
}

}  // namespace rqlockdep
