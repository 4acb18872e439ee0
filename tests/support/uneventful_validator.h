// What a Validator needs of its surroundings in a test in which it has nothing to say: a finding or
// a warning fails the test.
#ifndef RQLOCKDEP_TESTS_SUPPORT_UNEVENTFUL_VALIDATOR_H_
#define RQLOCKDEP_TESTS_SUPPORT_UNEVENTFUL_VALIDATOR_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "validator/core/environment.h"
#include "validator/core/finding.h"

namespace rqlockdep {

// All acquisitions have one stack, and the class of a lock is what its key says.
class OneStack : public Environment {
 public:
  size_t CaptureStack(uintptr_t* frames, size_t, uintptr_t) override {
    frames[0] = 1;
    return 1;
  }
  ClassKey ResolveClass(const hooks::LockMap& map) override {
    const bool is_explicit = map.key_type() == hooks::LockMap::KeyType::kExplicit;
    return {is_explicit ? ClassKey::Type::kExplicit : ClassKey::Type::kSite,
            reinterpret_cast<uintptr_t>(map.key())};
  }
  void Warn(const char* message) override { ADD_FAILURE() << message; }
};

class NoFindings : public FindingSink {
 public:
  void OnFinding(const Finding&) override { ADD_FAILURE() << "nothing is wrong here"; }
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_UNEVENTFUL_VALIDATOR_H_
