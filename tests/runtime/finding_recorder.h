// A test fixture that collects what the validator of this process finds during a test.
#ifndef RQLOCKDEP_TESTS_RUNTIME_FINDING_RECORDER_H_
#define RQLOCKDEP_TESTS_RUNTIME_FINDING_RECORDER_H_

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "rqlockdep/findings.h"

#if defined(__clang__)
// Clang would warn of the very faults that are made here on purpose.
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace rqlockdep {

using Strings = std::vector<std::string>;

class FindingRecorder : public ::testing::Test {
 protected:
  void SetUp() override {
    recorded() = {};
    SetFindingHandler([](const FindingReport& report) {
      const std::scoped_lock guard(recorded_mutex());
      recorded().push_back(std::string(report.id) + "\n" + std::string(report.text));
    });
  }
  void TearDown() override { SetFindingHandler(nullptr); }

  // The ids found since the test began, in order.
  static Strings Ids() {
    const std::scoped_lock guard(recorded_mutex());
    Strings ids;
    for (const std::string& finding : recorded()) {
      ids.push_back(finding.substr(0, finding.find('\n')));
    }
    return ids;
  }
  // The id, and from the next line on the report.
  static std::string Text(size_t i) {
    const std::scoped_lock guard(recorded_mutex());
    return recorded().at(i);
  }

 private:
  static std::mutex& recorded_mutex() {
    static std::mutex mutex;
    return mutex;
  }
  static Strings& recorded() {
    static Strings strings;
    return strings;
  }
};

// Takes `second` inside `first`.
template <typename First, typename Second>
void Nest(First& first, Second& second) {
  first.lock();
  second.lock();
  second.unlock();
  first.unlock();
}

template <typename Lock>
void LockAndUnlock(Lock& lock) {
  lock.lock();
  lock.unlock();
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_RUNTIME_FINDING_RECORDER_H_
