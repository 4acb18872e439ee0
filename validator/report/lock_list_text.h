// The list of all threads with their locks, as text. Signal-safe as far as `names` is.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_LOCK_LIST_TEXT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_LOCK_LIST_TEXT_H_

#include <cstddef>
#include <span>

#include "validator/core/thread_locks.h"
#include "validator/report/names.h"
#include "validator/report/text_writer.h"

namespace rqlockdep {

// `others` threads run that neither hold nor wait for anything.
void WriteLockList(std::span<const ThreadLocks> threads, size_t others, Names& names,
                   TextWriter& out);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_LOCK_LIST_TEXT_H_
