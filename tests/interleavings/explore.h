// How the tests of this folder explore their scenarios, and how far.
//
// The default run bounds the preemptions of larger scenarios so that all of them take seconds. With
// RQLOCKDEP_INTERLEAVINGS=all in the environment they allow more, and go as far as they can in some
// 20 s each, which they say; with RQLOCKDEP_INTERLEAVINGS=complete to the end, which takes hours
// for some. Sanitizers make fibers so slow that they get to see only the first executions of each.
#ifndef RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_
#define RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_

#include <functional>

#include "tests/support/controlled_scheduler.h"

namespace rqlockdep {

inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int kUnlimited = -1;

// How many preemptions to allow: by default, and when everything is asked for.
int Preemptions(int by_default, int in_long_run);

// Runs the program through all interleavings within `options` and fails the test at the first one
// that goes wrong.
void Explore(const char* what, ControlledScheduler::Options options,
             const std::function<SimProgram()>& make);

// The same for a program with a bug put back: fails the test if no interleaving goes wrong.
void ExpectViolation(const char* what, ControlledScheduler::Options options,
                     const std::function<SimProgram()>& make);

// In some execution of what was explored, `what` happened; otherwise the scenario does not show
// what its name says.
void ExpectHappened(const char* what, int times);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_
