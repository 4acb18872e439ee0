// Findings as JSON, for programs. docs/json.md describes the keys; they are stable.
//
// It allocates: for the command line tool and for the end of a process only.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_JSON_REPORT_H_
#define RQLOCKDEP_VALIDATOR_REPORT_JSON_REPORT_H_

#include <string>

#include "nlohmann/json_fwd.hpp"
#include "validator/core/finding.h"
#include "validator/report/names.h"

namespace rqlockdep {

// One object. Keys come in the order in which docs/json.md lists them.
nlohmann::ordered_json JsonReport(const Finding& finding, Names& names);

// On one line. What is not UTF-8 in a name is replaced by U+FFFD.
std::string JsonLine(const nlohmann::ordered_json& json);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_VALIDATOR_REPORT_JSON_REPORT_H_
