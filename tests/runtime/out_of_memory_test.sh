#!/bin/bash
# Out of memory, the validator says so in one line and is silent; the program goes on.
#
#   out_of_memory_test.sh PROGRAM
set -u
program=$1
out=$TEST_TMPDIR/out
err=$TEST_TMPDIR/err
failures=0
export RQLOCKDEP_OPTIONS=symbolize=0:fail_on=never

fail() {
  echo "$*"
  cat "$out" "$err"
  failures=$((failures + 1))
}
warnings() { grep -c 'out of memory' "$err"; }
ids() { grep -oE '(error|warning|note): [a-z]+-[a-z-]+:' "$err" | sort -u; }

# With all memory.
"$program" > "$out" 2> "$err" || fail "status $?"
expected=$(ids)
(($(warnings) == 0)) || fail "it had memory"
(($(wc -l <<< "$expected") >= 3)) || fail "it should find more"
mappings=$(sed -n 's/^mappings //p' "$out")
((mappings > 0)) || { fail "how many allocations are there?"; exit 1; }

# Each allocation in turn fails, alone or with all that follow.
quiet=0
for count in 1 1000000; do
  for ((first = 0; first < mappings; ++first)); do
    RQLOCKDEP_TEST_FAIL_FIRST=$first RQLOCKDEP_TEST_FAIL_COUNT=$count "$program" > "$out" 2> "$err"
    status=$?
    ((status == 0)) && grep -q done "$out" || fail "allocation $first: status $status"
    (($(warnings) <= 1)) || fail "allocation $first: said more than once"
    quiet=$((quiet + $(warnings)))
    new=$(comm -13 <(echo "$expected") <(ids))
    [[ -z $new ]] || fail "allocation $first: $new"
    ((failures < 5)) || exit 1
  done
done
# Twice each. A few may have been after the last hook, or hints.
((quiet > mappings)) || fail "of $mappings allocations only $quiet / 2 were missed"

# With a limit.
"$program" limit > "$out" 2> "$err"
status=$?
((status == 0)) && grep -q done "$out" || fail "with a limit: status $status"
(($(warnings) == 1)) && (($(wc -l < "$err") == 1)) || fail "with a limit: not one line"

((failures == 0))
