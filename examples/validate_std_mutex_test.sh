#!/usr/bin/env bash
# The example does its work, reports the circular-dependency, and ends with 66.
set -uo pipefail

output=$(env -u BAZEL_TEST -u TEST_TMPDIR -u RQLOCKDEP_OPTIONS examples/validate_std_mutex 2>report.txt)
status=$?
report=$(cat report.txt)
echo "$output"
echo "$report"

failures=0
expect() {  # TEXT PATTERN
  grep -qE "$2" <<<"$1" || {
    echo "FAILED: nothing matches: $2"
    failures=1
  }
}
[[ $status == 66 ]] || {
  echo "FAILED: status $status, not 66"
  failures=1
}
expect "$output" '^1 entries, 1 hits, 1 misses$'
expect "$report" 'error: circular-dependency'
expect "$report" 'Cache::Get'
expect "$report" 'Cache::Report'
expect "$report" 'validate_std_mutex\.cc:[0-9]+'

# The first error ends the program, before its last line.
output=$(env RQLOCKDEP_OPTIONS=halt_on_error=1:exitcode=3 examples/validate_std_mutex 2>/dev/null)
status=$?
[[ $status == 3 && -z $output ]] || {
  echo "FAILED: halt_on_error=1 ends with $status and '$output'"
  failures=1
}
exit $failures
