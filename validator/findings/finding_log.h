// The findings of one validator: each thing once, numbered, kept until the end, handed to the sink
// outside the graph lock.
//
// When memory has run out, even once, the tables have gaps: a hold, a guard may be missing, and
// what looks like a finding may be none. Then the log warns once and is quiet from there on.
//
// Add and the signatures: under the graph lock. Deliver: on the thread that the findings belong to,
// without it.
#ifndef RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_
#define RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "validator/core/arena.h"
#include "validator/core/environment.h"
#include "validator/core/finding.h"
#include "validator/core/finding_collector.h"
#include "validator/core/key_map.h"
#include "validator/core/thread_state.h"

namespace rqlockdep {

class FindingLog final : public FindingCollector {
 public:
  FindingLog(FindingSink& sink, Environment& environment)
      : sink_(sink), environment_(environment), failures_before_(MapFailures()) {}

  bool IsNew(uint64_t signature) override {
    return !signatures_.Contains(signature) && signatures_.Set(signature, 1);
  }
  const KeyMap& signatures() const override { return signatures_; }

  const Finding* Add(ThreadState& thread, const Finding& finding) override;

  // Hands what is queued for `thread` to the sink, or drops it, if quiet.
  void Deliver(ThreadState& thread);

  // There was no memory for something. (Deliver notices by itself, if it was MapMemory's.)
  void GoQuiet();
  bool is_quiet() const { return quiet_.load(std::memory_order_relaxed); }

  Arena& arena() override { return arena_; }

  uint32_t count() const { return count_; }

 private:
  FindingSink& sink_;
  Environment& environment_;
  const uint64_t failures_before_;  // others' failures, of MapMemory
  std::atomic<bool> quiet_{false};
  Arena arena_;
  KeyMap signatures_;
  uint32_t count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_
