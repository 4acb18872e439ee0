// The text report must not allocate: it is written inside hooks and signal handlers. Here malloc
// and its kin end the test when a report calls them. (operator new and stdio go through malloc.)
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "tests/support/sample_findings.h"
#include "validator/report/text_report.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RQLOCKDEP_MALLOC_IS_TAKEN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RQLOCKDEP_MALLOC_IS_TAKEN 1
#endif
#endif

namespace {

bool g_forbidden = false;
int g_allocations = 0;

#ifndef RQLOCKDEP_MALLOC_IS_TAKEN
void Allocating() {
  ++g_allocations;
  if (!g_forbidden) return;
  constexpr std::string_view kMessage = "a text report has allocated memory\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  abort();
}
#endif

}  // namespace

#ifndef RQLOCKDEP_MALLOC_IS_TAKEN
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  Allocating();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Allocating();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Allocating();
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  // Freeing takes the allocator's locks just as well.
  if (memory != nullptr) Allocating();
  __libc_free(memory);
}
}
#endif

namespace rqlockdep {
namespace {

TEST(TextReportMemoryTest, NoReportAllocates) {
#ifdef RQLOCKDEP_MALLOC_IS_TAKEN
  GTEST_SKIP() << "the sanitizer has a malloc of its own";
#endif
  EXPECT_GT(g_allocations, 0);  // the test looks in the right place
  for (const auto naming : {SampleFindings::Naming::kShort, SampleFindings::Naming::kLong}) {
    SampleFindings samples(naming);
    for (const Sample& sample : samples.all()) {
      TextWriter out;
      g_forbidden = true;
      WriteTextReport(sample.finding, samples.names(), out);
      WriteHeadline(sample.finding, samples.names(), out);
      FindingCounts counts;
      counts.Add(sample.finding.id);
      WriteSummary(counts, out);
      g_forbidden = false;
      EXPECT_FALSE(out.text().empty());
    }
  }
}

}  // namespace
}  // namespace rqlockdep
