// Knows every mapping that the code of this program has made and not given back: the program must
// be linked with -Wl,--wrap=mmap,--wrap=munmap (the target does so), which leads all calls here.
// What the C library maps for itself (heap, stacks) is not among them.
#ifndef RQLOCKDEP_TESTS_SUPPORT_MAPPING_RECORDER_H_
#define RQLOCKDEP_TESTS_SUPPORT_MAPPING_RECORDER_H_

#include <cstddef>
#include <span>
#include <vector>

namespace rqlockdep {

using Mapping = std::span<std::byte>;

std::vector<Mapping> RecordedMappings();

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_MAPPING_RECORDER_H_
