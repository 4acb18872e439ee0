#!/bin/bash
# An uncontended acquire and release takes at most 20 instructions, validator off, as callgrind counts
# them.
#
#   instruction_count_test.sh COUNTED_PAIRS
#     counted_pairs.cc, optimised
#
# Counted is the difference between many pairs and few, so that the process's start cancels out. On
# x86-64; elsewhere a locked operation is a loop of instructions, and the goal means nothing.
set -uo pipefail

readonly GOAL=20 FEW=160 MANY=16160
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

if [[ $(uname -m) != x86_64 ]]; then
  echo "skipped: not x86-64"
  exit 0
fi
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/instructions.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# Debian's valgrind gives up on the debugging information of clang 14.
program=$scratch/counted_pairs
strip -o "$program" "$1" || exit 1

# instructions LOCK PAIRS: of the whole process.
instructions() {
  local log=$scratch/log
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    return 1
  }
  sed -nE 's/^==[0-9]+== Collected : ([0-9]+)$/\1/p' "$log"
}

# count LOCK: sets `hundredths` of instructions that a pair takes.
count() {
  local few many
  few=$(instructions "$1" $FEW) && many=$(instructions "$1" $MANY) &&
    [[ $few =~ ^[0-9]+$ && $many =~ ^[0-9]+$ ]] || {
    fail "$1: no count"
    return 1
  }
  hundredths=$(((many - few) * 100 / (MANY - FEW)))
  printf '%s: %d.%02d instructions a pair\n' "$1" $((hundredths / 100)) $((hundredths % 100))
}

for lock in resilient queued; do
  count $lock || continue
  ((hundredths <= GOAL * 100)) || fail "$lock: more than $GOAL"
  # Getting in and out are a locked operation, a look at `pending` and a store, and two branches.
  ((hundredths >= 5 * 100)) || fail "$lock: too few to be pairs: this test looks at the wrong thing"
done

# The same question finds more where there is more.
if count nested; then
  ((hundredths > GOAL * 100)) || fail "nested: not more than $GOAL, with calls of the library?"
fi

echo "$failures failures"
exit $((failures != 0))
