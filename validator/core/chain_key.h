// A chain key stands for everything about what a thread holds, and in which contexts, that can
// change a verdict about what it asks for next. Equal keys have been judged before.
//
// It is a fold of 64-bit facts, one or more for each held lock in the order of taking, with the
// 128-bit product of (key, fact) as its step: one multiplication, every input bit reaches every
// output bit. With a million different chains the chance that any two share a key is under 1e-7; it
// would cost one check, not the validator's soundness.
#ifndef RQLOCKDEP_VALIDATOR_CORE_CHAIN_KEY_H_
#define RQLOCKDEP_VALIDATOR_CORE_CHAIN_KEY_H_

#include <cstdint>

#include "rqlockdep/acquisition.h"
#include "rqlockdep/hooks.h"
#include "validator/core/ids.h"

namespace rqlockdep {

using ChainKey = uint64_t;

// The key of a thread that holds nothing, in no context, with nothing masked. Arbitrary, not 0: 0
// is the chain cache's empty slot.
inline constexpr ChainKey kEmptyChain = 0x9e3779b97f4a7c15;

inline ChainKey MixChain(ChainKey key, uint64_t fact) {
  const auto product =
      static_cast<unsigned __int128>(key ^ 0xa0761d6478bd642f) * (fact ^ 0xe7037ed1a0b428db);
  // Odd, so never 0.
  return (static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64)) | 1;
}

// The facts of one acquisition, as bits of one number.
struct AcquisitionFacts {
  static constexpr uint64_t kAlreadyHeld = uint64_t{1} << 40;  // this instance, by this thread
  static constexpr uint64_t kInterrupted = uint64_t{1} << 43;  // taken outside the current context
  static constexpr uint64_t kSpecial = uint64_t{1} << 44;      // re-entry or AA: was not judged
  // A lock of this class, or of another subclass of it, is held: perhaps this instance. Follows
  // from the classes held, so without it nobody who holds locks of these classes holds this
  // instance.
  static constexpr uint64_t kClassHeld = uint64_t{1} << 45;
  // Waited for, not got yet: no guard, and nothing that edges begin at.
  static constexpr uint64_t kNotGot = uint64_t{1} << 46;
  // Marks a number that is no acquisition, but a set of masks, or a context; or, by its place among
  // what is held, the nest lock, or a lock of the class that is asked for.
  static constexpr uint64_t kMasks = uint64_t{1} << 48;
  static constexpr uint64_t kContext = uint64_t{2} << 48;
  static constexpr uint64_t kNestHold = uint64_t{3} << 48;
  static constexpr uint64_t kSameClass = uint64_t{4} << 48;

  static constexpr uint64_t Of(ClassId class_id, LockMode mode, Strength strength) {
    const hooks::PlainArguments arguments({.mode = mode, .strength = strength});
    return Of(class_id, arguments);
  }
  static constexpr uint64_t Of(ClassId class_id, hooks::PlainArguments arguments) {
    return uint64_t{class_id} | (uint64_t{arguments.mode_and_strength()} << 32);
  }
  static constexpr ClassId ClassOf(uint64_t facts) { return static_cast<ClassId>(facts); }
  static constexpr LockMode ModeOf(uint64_t facts) {
    return static_cast<LockMode>((facts >> 32) & 0xf);
  }
  static constexpr Strength StrengthOf(uint64_t facts) {
    return static_cast<Strength>((facts >> 36) & 0xf);
  }
  static constexpr uint64_t WithMode(uint64_t facts, LockMode mode) {
    return (facts & ~(uint64_t{0xf} << 32)) | (uint64_t{static_cast<uint8_t>(mode)} << 32);
  }
};

// What a held record keeps in the same word, above the facts that go into the chain key.
struct HeldFacts {
  static constexpr uint64_t kChainMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kStackIsExact = uint64_t{1} << 56;
  static constexpr uint64_t kWaiting = uint64_t{1} << 57;  // asked for and waited for, not got yet

  // Not as the steady state would write it: judged in another way, or changed since.
  static constexpr uint64_t kGeneral = uint64_t{1} << 58;

  static constexpr uint64_t OfKind(LockKind kind) {
    return uint64_t{static_cast<uint8_t>(kind)} << 48;
  }
  static constexpr LockKind KindOf(uint64_t facts) {
    return static_cast<LockKind>((facts >> 48) & 0xff);
  }
  // How many frames of the call site are set.
  static constexpr uint64_t OfSiteDepth(int depth) { return static_cast<uint64_t>(depth) << 60; }
  static constexpr int SiteDepthOf(uint64_t facts) { return static_cast<int>(facts >> 60); }
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_CHAIN_KEY_H_
