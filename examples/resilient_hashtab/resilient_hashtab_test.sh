#!/usr/bin/env bash
# resilient_hashtab_test.sh VALIDATOR (on or off): the example without and with its bug.
set -uo pipefail

readonly validator=$1
readonly folder=examples/resilient_hashtab
readonly source=$folder/hash_table.h
failures=0
fail() {
  echo "FAILED: $*"
  failures=1
}
expect() {  # TEXT PATTERN
  grep -qE "$2" <<<"$1" || fail "nothing matches: $2"
}

# Runs the example under a test runner's rule, where every warning changes the exit status.
run() {
  echo "--- $*"
  output=$(env -u RQLOCKDEP_OPTIONS BAZEL_TEST=1 $folder/resilient_hashtab "$@" 2>report.txt)
  status=$?
  report=$(cat report.txt)
  echo "$output"
  echo "$report"
}

# Two callbacks may meet in each other's buckets, which the validator notes once for each pair of
# places, and counts at the end.
expect_intended() {
  [[ $status == 0 ]] || fail "status $status"
  if [[ $validator == off ]] || grep -q 'AA), 0 rings' <<<"$output"; then
    [[ -z $report ]] || fail "a report without the bug"
  else
    ! grep -qE '^rqlockdep: (error|warning)' <<<"$report" || fail "a report without the bug"
    expect "$report" '^rqlockdep: [0-9]+ findings? \([0-9]+ notes?\)$'
  fi
  expect_output
}
expect_output() {
  expect "$output" '^[0-9]+ threads, [1-9][0-9]+ operations in [0-9.]+ s: [0-9.]+ Mops/s$'
  expect "$output" '^elements: .* [1-9][0-9]* deleted, [1-9][0-9]* evicted; [0-9]+ in the table, [0-9]+ free$'
  expect "$output" '^bucket locks \(resilient\): [1-9][0-9]+ acquired; failed: [1-9][0-9]* self-deadlocks \(AA\), [0-9]+ rings, [0-9]+ timeouts$'
  expect "$output" '^LRU lock \(regular\): [1-9][0-9]+ acquired$'
  expect "$output" '^callbacks stopped and unwound: [1-9][0-9]*$'
  expect "$output" '^the table is consistent$'
}

# As intended. One thread does the same each time.
run --threads=1 --operations=20000
expect_intended
expect "$output" 'AA\), 0 rings, 0 timeouts$'
once=$(tail -n +2 <<<"$output")
run --threads=1 --operations=20000
[[ $(tail -n +2 <<<"$output") == "$once" ]] || fail "one thread did something else this time"

run --threads=8 --operations=20000
expect_intended

# Until the time is over, and again with more if nothing has come of it by then.
for seconds in 1 10 100; do
  run --threads=2 --seconds=$seconds
  grep -qE ', [1-9][0-9]* evicted;' <<<"$output" && break
done
expect_intended

# With the bug. FINDINGS is a pattern for what the last line counts.
expect_bug() {  # FINDINGS
  expect_output
  if [[ $validator == off ]]; then
    # Nobody reports, and the program survives: what would be a hang is a stall.
    [[ $status == 0 ]] || fail "status $status"
    [[ -z $report ]] || fail "a report without the validator"
    return
  fi
  [[ $status == 66 ]] || fail "status $status, not 66"
  expect "$report" 'warning: resilient-cycle'
  expect "$report" "^rqlockdep: $1\$"
  expect "$report" 'STALL until an acquisition fails'
  # Both sites: the lines of hash_table.h where each lock was asked for under the other.
  expect_site hashtab.bucket EvictUnderLruLock 'ResilientLockGuard hold_bucket\(bucket\.lock\)'
  expect_site hashtab.lru '(Lookup|Update|Delete)' 'LruLockGuard hold_lru\(lru_lock_\)'
}
expect_site() {  # CLASS FUNCTION SOURCE
  local frame line
  frame=$(awk -v class="$1" '
    index($0, "    " class " ") == 1 && /was then asked for/ { inside = 1; next }
    inside && /hash_table\.h:/ { print; exit }' <<<"$report")
  expect "$frame" "HashTable.*::$2.* at $source:[0-9]+"
  line=${frame##*:}
  expect "$(sed -n "${line:-0}p" $source)" "$3"
}

run --threads=1 --operations=20000 --bug
expect_bug '1 finding \(1 warning\)'
# Several threads may really close the ring, which is one note more for each ring of classes.
run --threads=4 --operations=3000 --bug
expect_bug '[0-9]+ findings? \(1 warning(, [0-9]+ notes?)?\)'

# As outside a test, where a warning does not change the exit status.
env -u BAZEL_TEST -u TEST_TMPDIR -u RQLOCKDEP_OPTIONS $folder/resilient_hashtab --threads=1 \
  --operations=20000 --bug >/dev/null 2>&1 || fail "status $? outside a test"

for wrong in --threads=0 --threads=x --operations= --seconds=1x --what; do
  run "$wrong"
  [[ $status == 2 ]] || fail "status $status after $wrong"
  expect "$report" '^usage: '
done
exit $failures
