// The rows of the comparison. Each measures and prints one part, with everything in it interleaved.
// False if a lock did what it must not: did not exclude, found a deadlock that was none, or did not
// find exactly one victim.
#ifndef RQLOCKDEP_TESTS_BENCHMARK_ROWS_H_
#define RQLOCKDEP_TESTS_BENCHMARK_ROWS_H_

#include <ostream>

#include "tests/benchmark/options.h"

namespace rqlockdep::benchmark {

// One thread acquires and releases in a tight loop.
bool UncontendedRow(const Options& options, std::ostream& out);
// Two threads on two processors, short section.
bool PairRow(const Options& options, std::ostream& out);
// More threads, not pinned: throughput, fairness, waits. The section is a single increment, or 700
// ns on top of that.
bool ShortRow(const Options& options, std::ostream& out);
bool LongRow(const Options& options, std::ostream& out);
// A thread asks for a lock that it holds.
bool AaRow(const Options& options, std::ostream& out);
// Rings of threads that wait for each other, next to the kernel's.
bool RingRow(const Options& options, std::ostream& out);

}  // namespace rqlockdep::benchmark

#endif  // RQLOCKDEP_TESTS_BENCHMARK_ROWS_H_
