// What follows from a lock's kind alone, for the reference model.
// tests/reference/lock_kinds_test.cc holds it, and the validator's own, against
// docs/trace-format.md.
#ifndef RQLOCKDEP_TESTS_REFERENCE_REFERENCE_LOCK_KINDS_H_
#define RQLOCKDEP_TESTS_REFERENCE_REFERENCE_LOCK_KINDS_H_

#include "rqlockdep/acquisition.h"

namespace rqlockdep::reference {

bool IsSection(LockKind kind);

// Never blocked by another thread.
bool NeverWaits(LockKind kind);

// Whether a hold keeps other threads away: as a guard, and as something to give back on failure.
bool KeepsOthersAway(LockKind kind);

// Of an acquisition with or without `read`.
LockMode ModeOf(LockKind kind, bool read, bool inside_context);

// Of an acquisition that is neither a try nor timed.
Strength PlainStrength(LockKind kind);

// The rank that an acquisition needs.
int OuterRank(LockKind kind);

// The rank that a hold leaves; 0 leaves all.
int InnerRank(LockKind kind);

}  // namespace rqlockdep::reference

#endif  // RQLOCKDEP_TESTS_REFERENCE_REFERENCE_LOCK_KINDS_H_
