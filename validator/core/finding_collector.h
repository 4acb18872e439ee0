// Where the checks leave what they find. The finding log, which comes after them on the way of the
// data, is one; they know no more of it than this.
//
// All calls under the graph lock.
#ifndef RQLOCKDEP_VALIDATOR_CORE_FINDING_COLLECTOR_H_
#define RQLOCKDEP_VALIDATOR_CORE_FINDING_COLLECTOR_H_

#include <cstdint>

#include "validator/core/arena.h"
#include "validator/core/finding.h"
#include "validator/core/key_map.h"
#include "validator/core/thread_state.h"

namespace rqlockdep {

class FindingCollector {
 public:
  FindingCollector() = default;
  FindingCollector(const FindingCollector&) = delete;
  FindingCollector& operator=(const FindingCollector&) = delete;

  // True the first time that it is called with `signature`.
  virtual bool IsNew(uint64_t signature) = 0;
  // Those that IsNew was called with.
  virtual const KeyMap& signatures() const = 0;

  // Numbers the finding and queues a copy of it for `thread`. Null without memory.
  virtual const Finding* Add(ThreadState& thread, const Finding& finding) = 0;

  // Where findings keep what they point at.
  virtual Arena& arena() = 0;

 protected:
  ~FindingCollector() = default;
};

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_CORE_FINDING_COLLECTOR_H_
