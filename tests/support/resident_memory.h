// How much memory of this process, but for that of files, is mapped in, for tests of memory use.
#ifndef RQLOCKDEP_TESTS_SUPPORT_RESIDENT_MEMORY_H_
#define RQLOCKDEP_TESTS_SUPPORT_RESIDENT_MEMORY_H_

#include <fstream>
#include <string>

namespace rqlockdep {

// In bytes. The kernel walks the page tables for it: /proc/self/statm would be off by some hundred
// kilobytes, which it counts on other processors.
inline double ResidentBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  while (file >> word) {
    double kilobytes = 0;
    if (word == "Anonymous:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_RESIDENT_MEMORY_H_
