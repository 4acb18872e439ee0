# shellcheck shell=bash disable=SC2154  # whoever sources it sets program and run_flags
# Sourced by the tests that run a comparison very briefly: checks whether all rows and locks are there, with
# numbers. No number is compared with anything.
#
#   program=...      what to run
#   run_flags=(...)  with these flags each time
failures=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  | /' out
  failures=$((failures + 1))
}

# run ARGUMENTS...: with status 0; its output is in the file `out`.
run() {
  "$program" "${run_flags[@]}" "$@" >out 2>&1 || fail "status $? of $*"
}

number='-?[0-9.]+x?( [num]?s)?'

# expect TIMES COLUMNS TITLE...: each has so many lines with a number in each column.
expect() { expect_cells "$number" "$@"; }

# The same where some columns have nothing to say, as of a short round in which a lock got nowhere.
expect_or_dash() { expect_cells "(-|$number)" "$@"; }

expect_cells() {
  local cell=$1 times=$2 columns=$3 title found
  shift 3
  for title in "$@"; do
    found=$(grep -cE "^$title( +$cell){$columns}\$" out)
    [[ $found == "$times" ]] || fail "$found lines, not $times, of $title"
  done
}

# At the end.
finish() {
  ((failures == 0)) || exit 1
  echo "all rows are there"
}
