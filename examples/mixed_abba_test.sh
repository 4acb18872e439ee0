#!/usr/bin/env bash
# The example ends normally. Its reports are the resilient-cycle with both orders in it, and the ring
# that then really forms.
set -euo pipefail

# As outside a test, where a warning does not change the exit status. Again if the limit of thread 1,
# 250 ms, had passed before thread 2 asked for its second lock: thread 2 may be late, and a report
# about the orders is made first.
output='(timed out)'
while grep -q '(timed out)' <<<"$output"; do
  output=$(env -u BAZEL_TEST -u TEST_TMPDIR -u RQLOCKDEP_OPTIONS examples/mixed_abba 2>report.txt) || {
    echo "FAILED: the example ended with status $?"
    cat report.txt
    exit 1
  }
done
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
expect "$output" '^thread 1: did not get B \(deadlock\) and gives A back$'
expect "$output" '^thread 2: holds B and got A$'
expect "$output" '^both threads are done$'
expect "$report" 'warning: resilient-cycle'
expect "$report" 'TakeAThenB'
expect "$report" 'TakeBThenA'
expect "$report" 'examples/mixed_abba\.cc:[0-9]+'
expect "$report" 'STALL until an acquisition fails'
expect "$report" '^What to do:'
expect "$report" 'note: resilient-deadlock: .*thread 1 gives way'
expect "$report" '^rqlockdep: 2 findings \(1 warning, 1 note\)$'
[[ $(grep -cE '^rqlockdep: (error|warning|note): ' <<<"$report") == 2 ]] || {
  echo "FAILED: not exactly two findings"
  failures=1
}

# Under a test runner, where nobody reads the log of a test that passes, the warning fails the test.
status=0
env -u RQLOCKDEP_OPTIONS BAZEL_TEST=1 examples/mixed_abba >/dev/null 2>&1 || status=$?
[[ $status == 66 ]] || {
  echo "FAILED: status $status under a test runner, not 66"
  failures=1
}
exit $failures
