#!/bin/bash
# Findings are reported and change the exit status at whatever time of the process they are made, and
# locks that are used early and late make none.
#
#   lifetime_test.sh PROGRAM
set -u
program=$1
failures=0

# check WHEN STATUS REPORTS
check() {
  local when=$1 status reports
  RQLOCKDEP_TEST_WHEN=$when RQLOCKDEP_OPTIONS=symbolize=0 "$program" > "$TEST_TMPDIR/out" \
    2> "$TEST_TMPDIR/err"
  status=$?
  reports=$(grep -c 'error: circular-dependency' "$TEST_TMPDIR/err")
  if ((status != $2 || reports != $3)) || ! grep -q 'main is over' "$TEST_TMPDIR/out" ||
    grep -q 'was used' "$TEST_TMPDIR/out"; then
    echo "$when: status $status instead of $2, $reports reports instead of $3"
    cat "$TEST_TMPDIR/out" "$TEST_TMPDIR/err"
    failures=$((failures + 1))
  fi
}

check never 0 0
for when in early-constructor static-constructor main main-thread-local thread-local atexit \
  static-destructor; do
  check "$when" 66 1
done
# After the last exit handler: reported, but the status is what it is.
check late-destructor 0 1

# Without a key of its own the validator sees no thread end, and uses nobody else's key.
export RQLOCKDEP_TEST_NO_KEYS=1
check never 0 0
check thread-local 66 1
check main 66 1

((failures == 0))
