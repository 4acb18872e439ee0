// The findings of one validator: each thing once, numbered, kept until the end, handed to the sink
// outside the graph lock.
//
// Add and the signatures: under the graph lock. Deliver: on the thread that the findings belong to,
// without it.
#ifndef RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_
#define RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_

#include <cstddef>
#include <cstdint>

#include "validator/core/arena.h"
#include "validator/core/finding.h"
#include "validator/core/key_map.h"
#include "validator/core/thread_state.h"

namespace rqlockdep {

class FindingLog {
 public:
  explicit FindingLog(FindingSink& sink) : sink_(sink) {}

  // True the first time that it is called with `signature`.
  bool IsNew(uint64_t signature) {
    return !signatures_.Contains(signature) && signatures_.Set(signature, 1);
  }
  const KeyMap& signatures() const { return signatures_; }

  // Numbers the finding and queues a copy of it for `thread`. Null without memory.
  const Finding* Add(ThreadState& thread, const Finding& finding);

  // Hands what is queued for `thread` to the sink.
  void Deliver(ThreadState& thread);

  // Where findings keep what they point at.
  Arena& arena() { return arena_; }

  uint32_t count() const { return count_; }

 private:
  FindingSink& sink_;
  Arena arena_;
  KeyMap signatures_;
  uint32_t count_ = 0;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_FINDINGS_FINDING_LOG_H_
