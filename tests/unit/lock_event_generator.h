// Random sequences of lock events, each with some of the features and often the same few chains.
#ifndef RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_GENERATOR_H_
#define RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_GENERATOR_H_

#include <cstdint>

#include "tests/unit/lock_events.h"

namespace rqlockdep {

// The same sequence for the same seed, on every platform.
EventSequence GenerateLockEvents(uint64_t seed);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_UNIT_LOCK_EVENT_GENERATOR_H_
