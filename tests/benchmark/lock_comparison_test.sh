#!/usr/bin/env bash
# Runs each row of lock_comparison very briefly. It says by its exit status whether the locks did
# what they must; here is checked that each row and each lock is there, with numbers. No number is
# compared with anything.
set -uo pipefail

program=$PWD/tests/benchmark/lock_comparison
cd "$TEST_TMPDIR" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  | /' out
  failures=$((failures + 1))
}

# run ARGUMENTS...: with status 0; its output is in the file `out`.
run() {
  "$program" --seconds=0.02 --rounds=1 --repetitions=2 "$@" >out 2>&1 ||
    fail "status $? of $*"
}

# expect_locks TIMES COLUMNS NAME...: each has so many lines with a number (or "-") in each column.
expect_locks() {
  local times=$1 columns=$2 name
  shift 2
  for name in "$@"; do
    local found
    found=$(grep -cE "^$name( +(-|[0-9.]+x?( [num]?s)?)){$columns}\$" out)
    [[ $found == "$times" ]] || fail "$found lines, not $times, of $name"
  done
}

all=(bare_xchg pthread_spin std_mutex absl_mutex tbb_spin tbb_queuing ck_mcs queued resilient)

run --rows=uncontended
expect_locks 1 3 "${all[@]}"

run --rows=pair
grep -q '^pair: ' out || fail "no row pair"
if ! grep -q '^skipped: there is only one processor' out; then
  grep -qE '^processors (near|far|changed within the round): 1 of 1 rounds' out ||
    fail "no placement"
  expect_locks 1 3 "${all[@]}"
fi

run --rows=short --threads=3,5
expect_locks 2 9 "${all[@]}"
grep -q '^3 threads:' out || fail "no table for 3 threads"
grep -q '^5 threads:' out || fail "no table for 5 threads"

run --rows=long --threads=3 --waits=false
expect_locks 1 3 "${all[@]}"

run --rows=aa
expect_locks 1 2 "resilient, the only lock held" "resilient, the oldest of 8 held" FUTEX_LOCK_PI

run --rows=ring --rings=2,3,8,32
expect_locks 1 3 2 3 8 32

# Rows and locks can be chosen; a ratio to a lock that does not run is not made up.
run --rows=aa,uncontended --locks=queued,std_mutex
expect_locks 1 3 queued std_mutex
grep -qE '^queued +[0-9.]+ +- +-$' out || fail "a ratio out of nothing"
grep -q '^aa: ' out || fail "no row aa"
grep -qE "^(pthread_spin|pair:|short:|long:|ring:)" out && fail "more than was chosen"

run --rows=uncontended --markdown
for name in "${all[@]}"; do
  grep -qE "^\| $name +\|( +[0-9.]+x? \|){3}\$" out || fail "no Markdown for $name"
done

for wrong in --rows=no_row --locks=no_lock --threads=x --rounds=0 argument; do
  "$program" "$wrong" >out 2>&1
  status=$?
  [[ $status == 2 ]] || fail "status $status, not 2: $wrong"
done

((failures == 0)) || exit 1
echo "all rows are there"
