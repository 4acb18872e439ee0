#!/usr/bin/env bash
# Runs each row of validator_comparison very briefly: each row and each lock is there, with numbers.
# No number is compared with anything.
set -uo pipefail

program=$PWD/tests/benchmark/validator_comparison
cd "$TEST_TMPDIR" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  | /' out
  failures=$((failures + 1))
}

# run ARGUMENTS...: with status 0, which also says that the validator found nothing; the output is
# in the file `out`.
run() {
  "$program" --rounds=2 --pairs=200 "$@" >out 2>&1 || fail "status $? of $*"
}

# expect TIMES COLUMNS TITLE...: each has so many lines with a number in each column.
expect() {
  local times=$1 columns=$2 title
  shift 2
  for title in "$@"; do
    local found
    found=$(grep -cE "^$title( +-?[0-9.]+x?){$columns}( +-)?\$" out)
    [[ $found == "$times" ]] || fail "$found lines, not $times, of $title"
  done
}

locks=(resilient_off resilient_on in_turn_off in_turn_on std_mutex validated_mutex library_mutex absl_off absl_on)
added=("added, inline" "added, inline in turn" "added, std::mutex" "added, shared library" "added, absl")

run --rows=depth
expect 1 5 "${locks[@]}" "${added[@]}" "${added[@]/%/, 25 %}" "${added[@]/%/, 75 %}"

run --rows=threads
expect 1 3 "${locks[@]}"
expect 1 2 "${added[@]}"

run --rows=scattered --instances=10,1000
expect 2 3 std_mutex validated_mutex resilient_off resilient_on

run --rows=edges --classes=300
expect 1 1 median "90 %" "99 %" "99.9 %" longest
grep -q '300 classes and 1500 to 1800 edges' out || fail "the size of the graph is not said"

"$program" --rows=edges --classes=1 >out 2>&1 && fail "a graph of one class is no graph"

((failures == 0)) || exit 1
echo "all rows ran"
