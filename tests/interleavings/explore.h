// How the tests of this folder explore their scenarios, and how far.
//
// The default run bounds the preemptions of larger scenarios so that all of them take seconds. The
// long run, with RQLOCKDEP_INTERLEAVINGS=all in the environment, allows at least three in each.
// What would be too large then is explored twice: with patient waiters and fewer preemptions, and
// with hasty ones (SimPatience) and three. Either way all within these bounds is explored, or the
// test fails. Sanitizers make fibers so slow that they get to see only the first executions of
// each.
#ifndef RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_
#define RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_

#include <functional>

#include "tests/support/controlled_scheduler.h"

namespace rqlockdep {

inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int kUnlimited = -1;
// Of three and more threads, in the long run.
inline constexpr int kEnoughPreemptions = 3;

// How many preemptions to allow: by default, and in the long run.
int Preemptions(int by_default, int in_long_run);

// Runs the program through all interleavings within `options`, and in the long run with hasty
// waiters within kEnoughPreemptions if `options` allows fewer. Fails the test at the first one that
// goes wrong.
void Explore(const char* what, ControlledScheduler::Options options,
             const std::function<SimProgram()>& make);

// Runs the program through all interleavings within `options`, in the long run as well.
void ExploreWithin(const char* what, ControlledScheduler::Options options,
                   const std::function<SimProgram()>& make);

// The same for a program with a bug put back: fails the test if no interleaving goes wrong.
void ExpectViolation(const char* what, ControlledScheduler::Options options,
                     const std::function<SimProgram()>& make);

// In some execution of what was explored, `what` happened; otherwise the scenario does not show
// what its name says.
void ExpectHappened(const char* what, int times);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_INTERLEAVINGS_EXPLORE_H_
