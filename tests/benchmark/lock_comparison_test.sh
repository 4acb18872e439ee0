#!/usr/bin/env bash
# Runs each row of lock_comparison very briefly. It says by its exit status whether the locks did
# what they must; what it prints is checked here.
set -uo pipefail

# shellcheck source=tests/benchmark/expect_rows.sh
source tests/benchmark/expect_rows.sh || exit 1
program=$PWD/tests/benchmark/lock_comparison
run_flags=(--seconds=0.02 --rounds=1 --repetitions=2)
cd "$TEST_TMPDIR" || exit 1

all=(bare_xchg pthread_spin std_mutex absl_mutex tbb_spin tbb_queuing ck_mcs queued resilient)

run --rows=uncontended
expect_or_dash 4 5 "${all[@]}"

run --rows=pair
grep -q '^pair: ' out || fail "no row pair"
if ! grep -q '^skipped: there is only one processor' out; then
  grep -qE '^processors (near|far|changed within the round): 1 of 1 rounds' out ||
    fail "no placement"
  expect_or_dash 1 3 "${all[@]}"
fi

run --rows=short --threads=3,5
expect_or_dash 2 9 "${all[@]}"
grep -q '^3 threads:' out || fail "no table for 3 threads"
grep -q '^5 threads:' out || fail "no table for 5 threads"

run --rows=long --threads=3 --waits=false
expect_or_dash 1 3 "${all[@]}"

run --rows=aa
expect_or_dash 1 2 "resilient, the only lock held" "resilient, the oldest of 8 held" FUTEX_LOCK_PI

run --rows=ring --rings=2,3,8,32
expect_or_dash 1 3 2 3 8 32

# Rows and locks can be chosen; a ratio to a lock that does not run is not made up.
run --rows=aa,uncontended --locks=queued,std_mutex
expect_or_dash 4 5 queued std_mutex
grep -qE '^queued +[0-9.]+( +-){4}$' out || fail "a ratio out of nothing"
grep -q '^aa: ' out || fail "no row aa"
grep -qE "^(pthread_spin|pair:|short:|long:|ring:)" out && fail "more than was chosen"

run --rows=uncontended --markdown
for name in "${all[@]}"; do
  grep -qE "^\| $name +\|( +[0-9.]+x? \|){5}\$" out || fail "no Markdown for $name"
done

for wrong in --rows=no_row --locks=no_lock --threads=x --rounds=0 argument; do
  "$program" "$wrong" >out 2>&1
  status=$?
  [[ $status == 2 ]] || fail "status $status, not 2: $wrong"
done

finish
