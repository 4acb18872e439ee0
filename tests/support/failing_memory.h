// Makes memory run out at a place that a test chooses: the program must be linked with
// -Wl,--wrap=mmap (the target does so), which leads all calls of mmap here.
//
// Until FailMappings is called the environment decides: RQLOCKDEP_TEST_FAIL_FIRST and _COUNT.
#ifndef RQLOCKDEP_TESTS_SUPPORT_FAILING_MEMORY_H_
#define RQLOCKDEP_TESTS_SUPPORT_FAILING_MEMORY_H_

#include <cstdint>

namespace rqlockdep {

// Which of the anonymous mappings from now on fail: those with number `first` (the next is 0),
// first
// + `step`, first + 2 * `step` and so on, at most `count` of them.
struct MemoryFailures {
  uint64_t first = UINT64_MAX;
  uint64_t step = 1;
  uint64_t count = UINT64_MAX;
};
void FailMappings(const MemoryFailures& failures);

// How many anonymous mappings were asked for since then.
uint64_t MappingsAskedFor();

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_FAILING_MEMORY_H_
