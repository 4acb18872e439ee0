#!/usr/bin/env bash
# Runs each row of validator_comparison very briefly. Its exit status also says that the validator
# found nothing and that the contended locks did what they must.
set -uo pipefail

# shellcheck source=tests/benchmark/expect_rows.sh
source tests/benchmark/expect_rows.sh || exit 1
program=$PWD/tests/benchmark/validator_comparison
run_flags=(--rounds=2 --pairs=200 --contended_rounds=1 --seconds=0.02)
cd "$TEST_TMPDIR" || exit 1

locks=(resilient_off resilient_on in_turn_off in_turn_on many_off many_on
  std_mutex validated_mutex library_mutex std_in_turn library_in_turn
  absl_off absl_on absl_in_turn_off absl_in_turn_on)
added=("added, inline" "added, inline in turn" "added, inline, 64 in turn" "added, std::mutex"
  "added, shared library" "added, shared library in turn" "added, absl" "added, absl in turn")

run --rows=depth
expect 1 5 "${locks[@]}" "${added[@]}" "${added[@]/%/, 25 %}" "${added[@]/%/, 75 %}"

run --rows=threads
expect 1 3 "${locks[@]}"
expect_or_dash 1 3 "${added[@]}"

run --rows=contended --threads=2,3
expect_or_dash 2 9 std_mutex validated_mutex queued_on resilient_on
grep -q '^2 threads:' out || fail "no table for 2 threads"
grep -q '^3 threads:' out || fail "no table for 3 threads"

run --rows=scattered --instances=10,1000
expect 2 5 std_mutex validated_mutex resilient_off resilient_on "added, std::mutex" "added, resilient"

run --rows=edges --classes=300
expect 1 1 median "90 %" "99 %" "99.9 %" longest
grep -q '300 classes and 1500 to 1800 edges' out || fail "the size of the graph is not said"

"$program" --rows=edges --classes=1 >out 2>&1 && fail "a graph of one class is no graph"

for wrong in --instances=1 --threads=0 --threads=x --contended_rounds=0 --seconds=0; do
  "$program" "$wrong" >out 2>&1
  status=$?
  [[ $status == 2 ]] || fail "status $status, not 2: $wrong"
done

finish
