// Makes long names fit: C++ functions with their template arguments and parameters, and paths.
//
// What says least goes first: the return type, then parameter lists become "(...)", then template
// argument lists "<...>", then both go, then the outer scopes are cut off in front
// ("...::Table::Insert"). Signal-safe.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_SHORT_NAME_H_
#define RQLOCKDEP_VALIDATOR_REPORT_SHORT_NAME_H_

#include <cstddef>
#include <string_view>

#include "validator/report/label.h"

namespace rqlockdep::report {

// `name` in at most `max` columns, which must be at least 8. The result has the size of `name` if
// and only if nothing was left out.
Label ShortenName(std::string_view name, size_t max);

// `path` in at most `max` columns: its end, from the beginning of a folder if possible.
Label ShortenPath(std::string_view path, size_t max);

// The first columns and the last ones of `text`, for names without structure.
Label ShortenMiddle(std::string_view text, size_t max);

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_SHORT_NAME_H_
