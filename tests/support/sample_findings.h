// At least one finding of every verdict and of every detail that reports tell apart, made by hand,
// for tests of the report layer.
#ifndef RQLOCKDEP_TESTS_SUPPORT_SAMPLE_FINDINGS_H_
#define RQLOCKDEP_TESTS_SUPPORT_SAMPLE_FINDINGS_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "tests/support/fake_names.h"
#include "validator/core/finding.h"

namespace rqlockdep {

struct Sample {
  std::string name;  // the id, and what is special: "recursive-locking.same-class"
  Finding finding;
};

class SampleFindings {
 public:
  enum class Naming {
    kShort,  // "cache", "table", Worker::Run() in src/worker.cc
    kLong,   // C++ names of hundreds of columns, with templates, lambdas and operators
  };

  explicit SampleFindings(Naming naming);
  SampleFindings(const SampleFindings&) = delete;
  SampleFindings& operator=(const SampleFindings&) = delete;

  const std::deque<Sample>& all() const { return samples_; }
  const Finding& Get(const std::string& name) const;
  FakeNames& names() { return names_; }

  // A resilient-cycle of `size` classes and threads, one of the acquisitions bounded.
  Finding Ring(size_t size);

 private:
  const ClassInfo* Class(const std::string& name, LockKind kind, uint8_t subclass = 0,
                         uint32_t version = 1);
  CallSite Site(const std::string& function, int line);
  FindingLock Lock(const ClassInfo* lock_class, const std::string& function, int line,
                   Strength strength = Strength::kBlocking, LockMode mode = LockMode::kExclusive);
  FindingEdge Edge(ThreadId thread, const FindingLock& held, const FindingLock& asked);
  std::span<const FindingLock> Held(std::vector<FindingLock> locks);
  std::span<const FindingEdge> Edges(std::vector<FindingEdge> edges);
  Finding& Add(const std::string& name, FindingId id, Severity severity);

  void AddCycles();
  void AddContexts();
  void AddRecursion();
  void AddBalance();
  void AddDeadlocks();

  const Naming naming_;
  FakeNames names_;
  std::deque<Sample> samples_;
  std::deque<std::string> texts_;
  std::deque<ClassInfo> classes_;
  std::deque<std::vector<FindingLock>> locks_;
  std::deque<std::vector<FindingEdge>> edges_;
  std::deque<std::vector<FindingThread>> threads_;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_SAMPLE_FINDINGS_H_
