// The narrow door by which any lock joins the validator.
//
// A lock embeds a LockMap as its first member, so that both have one address, and calls these
// functions at the moments of its life. They are all there is between a lock implementation and the
// validator: the locks know nothing else of it, and the validator knows no lock implementation.
// With the validator off (RQLOCKDEP_VALIDATOR=0) LockMap is an empty class, to be embedded with
// [[no_unique_address]], and every function is an empty inline: no byte, no instruction.
//
//   the lock does                                   and calls
//   is constructed (any constructor, constexpr too) LockMap's constructor
//   is initialised again in place                   Init
//   is about to ask, ready to wait                  Acquire, before it looks at its own state
//     really has to wait                              Waiting, before the first pause
//     got it after Waiting                            Acquired
//     gave up                                         Failed, after its own state is clean again
//   has tried, without waiting                      TryAcquire, afterwards, with the outcome
//   gives the lock back                             Release, before its own state changes
//   turns an exclusive hold into a shared one       Downgrade
//   ends its life                                   Destroy
//
// What interrupts threads calls EnterContext and LeaveContext, whatever keeps it off calls Mask,
// Unmask and SignalsBlocked; rqlockdep/context.h has the objects and wrappers to do so.
//
// An Acquire that succeeds at once is followed by nothing: it counts as held from the call on. That
// keeps the uncontended path at one call for an acquisition and one for a release.
//
// Threads: every function may be called by any thread at any time, also from a signal handler that
// interrupts another hook; what a handler does while it interrupts the validator goes unseen. None
// takes a lock that the program could hold, allocates with malloc, or touches errno.
// Cost of Acquire plus Release once the order is known: see the README's table, which
// tests/benchmark/validator_comparison.cc measures; more if since the thread took the lock upon
// the same locks, it has taken many others upon as many; and with a subclass, a nest lock, an order
// function, or in and out of a context, where the cost also grows with what the thread holds. The
// first time a thread takes a lock in a new order costs microseconds.
#ifndef RQLOCKDEP_HOOKS_H_
#define RQLOCKDEP_HOOKS_H_

#include <cstddef>
#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/lock_class.h"

#ifndef RQLOCKDEP_VALIDATOR
#error "depend on one of rqlockdep's Bazel targets, or define RQLOCKDEP_VALIDATOR as 0 or 1"
#endif

#if RQLOCKDEP_VALIDATOR
#include <atomic>
#include <type_traits>
#endif

// Every object file that includes this header needs the symbol of its own mode, and the library
// defines only the symbol of the mode that it was built in: mixing them is a link error.
#if RQLOCKDEP_VALIDATOR
#define RQLOCKDEP_MODE_SYMBOL \
  rqlockdep_ERROR_this_object_was_built_with_the_validator_ON_but_another_without_it
#else
#define RQLOCKDEP_MODE_SYMBOL \
  rqlockdep_ERROR_this_object_was_built_with_the_validator_OFF_but_another_with_it
#endif
extern "C" const char RQLOCKDEP_MODE_SYMBOL;

namespace rqlockdep::hooks {

#if RQLOCKDEP_VALIDATOR
// The name differs between the modes, so the linker keeps both when both occur.
[[gnu::used]] inline const char* const kValidatorOnMode = &RQLOCKDEP_MODE_SYMBOL;
#else
[[gnu::used]] inline const char* const kValidatorOffMode = &RQLOCKDEP_MODE_SYMBOL;
#endif

// Tells a resilient waiter to give up with "deadlock". Called by the validator, from the thread
// that found the ring, while the waiter waits; must be signal-safe and must not block.
using CancelCallback = void (*)(void* argument);

#if RQLOCKDEP_VALIDATOR

class LockMap;

// Where a lock was constructed, as far as the compiler tells in a constant expression: directly as
// a variable or array, or as a member inside some constructor. It separates the elements of a
// static array (one class) from the members of a static struct (a class each).
struct ConstructionHint {
  bool in_function;
  bool in_array_template;
  // NOLINTNEXTLINE(google-explicit-constructor): it is only ever a default argument.
  constexpr ConstructionHint(const char* function = __builtin_FUNCTION())
      : in_function(function[0] != '\0'), in_array_template(Equal(function, "array")) {}

 private:
  static constexpr bool Equal(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) ++a, ++b;
    return *a == *b;
  }
};

#if defined(__clang__)
// Unrolled copies of an array's constructor loop would count as different construction sites.
#define RQLOCKDEP_NODUPLICATE __attribute__((noduplicate))
#else
#define RQLOCKDEP_NODUPLICATE
#endif

// Notes the caller's address as the construction site. Out of line on purpose.
RQLOCKDEP_NODUPLICATE void Construct(LockMap& map);

// What the validator keeps inside a lock. 24 bytes.
class LockMap {
 public:
  // The class is the construction site, or the symbol of a constant-initialised variable. Inlined
  // always, so that the address that Construct sees lies in the code that constructs the lock.
  [[gnu::always_inline]] constexpr explicit LockMap(LockKind kind, ConstructionHint hint = {})
      : kind_(kind), in_function_(hint.in_function), in_array_template_(hint.in_array_template) {
    if (!std::is_constant_evaluated()) {
      Construct(*this);
      // Not a tail call: it would return to the constructor's caller, the same for all members.
      asm volatile("");
    }
  }
  // The class is `lock_class`.
  constexpr LockMap(LockKind kind, const LockClass& lock_class)
      : key_(&lock_class), key_type_(KeyType::kExplicit), kind_(kind) {}

  LockMap(const LockMap&) = delete;
  LockMap& operator=(const LockMap&) = delete;

  // What `key` is.
  enum class KeyType : uint8_t {
    kUnconstructed,  // all zero: no constructor ran; see AcquireArguments::kind
    kNone,           // constant-initialised: the address of the lock tells the symbol
    kSite,           // the address of the code that constructed the lock
    kExplicit,       // a LockClass, also one that a C init macro made
  };

  LockKind kind() const { return kind_; }
  // False if no constructor ever ran, not even at compile time.
  bool constructed() const { return key_type_ != KeyType::kUnconstructed; }
  KeyType key_type() const { return key_type_; }
  const void* key() const { return key_; }
  bool in_function() const { return in_function_; }
  bool in_array_template() const { return in_array_template_; }

  // Called by the construction hook and by Init only, before other threads know the lock.
  void SetKey(KeyType type, const void* key) {
    key_type_ = type;
    key_ = key;
  }
  void SetKind(LockKind kind) { kind_ = kind; }

  // The validator's cache: the class of subclass 0, or 0 before the first acquisition; and which
  // subclasses this instance was ever asked for with. Both are written under the validator's graph
  // lock, and by Init, when nobody else knows the lock. The class is written with release order and
  // read by any thread with acquire order: what its id leads to is visible.
  std::atomic<uint32_t> class_id{0};
  std::atomic<uint8_t> asked_subclasses{0};

 private:
  const void* key_ = nullptr;
  KeyType key_type_ = KeyType::kNone;
  LockKind kind_;
  bool in_function_ = false;
  bool in_array_template_ = false;
};

// What an acquisition asks for. `nest` is an outer lock that serialises nesting within the class.
struct AcquireArguments {
  LockMode mode = LockMode::kExclusive;
  Strength strength = Strength::kBlocking;
  uint8_t subclass = 0;  // 0 to 7
  // The lock's kind once more, for a LockMap whose constructor was forgotten: g++ 12 leaves the
  // elements of `constinit Lock locks[3];` zero (not those of `locks[3]{}`).
  LockKind kind = LockKind::kQspinlock;
  const LockMap* nest = nullptr;
};

// The arguments without subclass and nest lock, in one word: as the validator keeps them.
class PlainArguments {
 public:
  constexpr explicit PlainArguments(const AcquireArguments& arguments)
      : bits_(static_cast<uint32_t>(arguments.mode) |
              (static_cast<uint32_t>(arguments.strength) << 4) |
              (static_cast<uint32_t>(arguments.kind) << 16)) {}
  constexpr LockMode mode() const { return static_cast<LockMode>(bits_ & 0xf); }
  constexpr Strength strength() const { return static_cast<Strength>((bits_ >> 4) & 0xf); }
  constexpr uint32_t mode_and_strength() const { return bits_ & 0xff; }
  constexpr AcquireArguments unpacked() const {
    return {.mode = mode(), .strength = strength(), .kind = static_cast<LockKind>(bits_ >> 16)};
  }

 private:
  uint32_t bits_;
};

// The lock at `map` is initialised again: whatever it was, it is new and free now. `key` is its
// class from now on; null keeps the construction site or symbol that it had.
void Init(LockMap& map, LockKind kind, const LockClass* key);

// Acquire is AcquireWith, but for the common case, in which its arguments travel in a register.
void AcquireWith(LockMap& map, const AcquireArguments& arguments);
void AcquirePlain(LockMap& map, PlainArguments arguments);
[[gnu::always_inline]] inline void Acquire(LockMap& map, const AcquireArguments& arguments) {
  const bool plain = arguments.subclass == 0 && arguments.nest == nullptr;
  if (__builtin_constant_p(plain) && plain) {
    AcquirePlain(map, PlainArguments(arguments));
  } else {
    AcquireWith(map, arguments);
  }
}
// Publishes the wait and looks for rings of waiting threads that it closes; they are reported
// before it returns. `cancel` may be null: then nobody can make the waiter give up. It may be
// called before Waiting returns, and is not called after Acquired or Failed returned. True if rings
// of this wait are found from now on, whoever closes them; false if nobody looks (the validator is
// off, the thread is inside it).
bool Waiting(LockMap& map, CancelCallback cancel, void* argument);
void Acquired(LockMap& map);
void Failed(LockMap& map, FailReason reason);
void TryAcquire(LockMap& map, const AcquireArguments& arguments, bool got_it);
void Release(LockMap& map);
void Downgrade(LockMap& map);
void Destroy(LockMap& map);

// Memory that may hold locks is about to be freed or reused.
void MemoryFreed(const void* begin, size_t size);

// Where a thread stands among the contexts that it entered.
struct ContextMark {
  uint64_t handler_blocked = 0;  // signals that a handler found blocked, of those that count
  uint32_t depth = 0;
  bool in_handler = false;
  bool valid = false;  // false: the validator took no notice, and will take none of the return
};

// The thread's flow is interrupted by a context, in a signal handler by that of `signal` (else 0).
// Returns where the thread stood.
ContextMark EnterContext(ContextKind kind, int signal);
// Where the thread stands now.
ContextMark CurrentContext();
// Leaves all contexts that were entered since the thread stood at `mark`.
void LeaveContext(const ContextMark& mark);
// The same when they were left by a jump: the masks are those that the kernel has now.
void ReturnToContext(const ContextMark& mark);
// From now on `kind`, kHard or kSoft, cannot interrupt this thread, or can again. Says whether that
// is a change.
bool Mask(ContextKind kind);
bool Unmask(ContextKind kind);
// The thread's signal mask is `blocked` now, bit n-1 for signal n. Decides whether the hard context
// counts as masked; rqlockdep/context.h says when.
void SignalsBlocked(uint64_t blocked);

#else  // RQLOCKDEP_VALIDATOR

struct ConstructionHint {};

class LockMap {
 public:
  constexpr explicit LockMap(LockKind, ConstructionHint = {}) {}
  constexpr LockMap(LockKind, const LockClass&) {}
  LockMap(const LockMap&) = delete;
  LockMap& operator=(const LockMap&) = delete;
};

struct AcquireArguments {
  LockMode mode = LockMode::kExclusive;
  Strength strength = Strength::kBlocking;
  uint8_t subclass = 0;
  LockKind kind = LockKind::kQspinlock;
  const LockMap* nest = nullptr;
};

inline void Init(LockMap&, LockKind, const LockClass*) {}
inline void Acquire(LockMap&, const AcquireArguments&) {}
inline bool Waiting(LockMap&, CancelCallback, void*) { return false; }
inline void Acquired(LockMap&) {}
inline void Failed(LockMap&, FailReason) {}
inline void TryAcquire(LockMap&, const AcquireArguments&, bool) {}
inline void Release(LockMap&) {}
inline void Downgrade(LockMap&) {}
inline void Destroy(LockMap&) {}
inline void MemoryFreed(const void*, size_t) {}

struct ContextMark {};
inline ContextMark EnterContext(ContextKind, int) { return {}; }
inline ContextMark CurrentContext() { return {}; }
inline void LeaveContext(const ContextMark&) {}
inline void ReturnToContext(const ContextMark&) {}
inline bool Mask(ContextKind) { return false; }
inline bool Unmask(ContextKind) { return false; }
inline void SignalsBlocked(uint64_t) {}

#endif  // RQLOCKDEP_VALIDATOR

}  // namespace rqlockdep::hooks

#endif  // RQLOCKDEP_HOOKS_H_
