#!/bin/bash
# An object built with the validator and a library built without it, or the other way round, do not
# link, and the linker says why. Those that belong together do link.
#
#   link_error_test.sh LANGUAGE USER_OFF.a USER_ON.a LOCKS_OFF.a LOCKS_ON.a HOOKS_ON.a
set -euo pipefail

language=$1 user_off=$2 user_on=$3 locks_off=$4 locks_on=$5 hooks_on=$6
failures=0
fail() {
  echo "FAILED: $language: $*"
  failures=$((failures + 1))
}

flags=()
symbols=$(nm "$locks_off" 2>/dev/null)
if grep -q __asan_ <<<"$symbols"; then flags+=(-fsanitize=address,undefined); fi
if grep -q __tsan_ <<<"$symbols"; then flags+=(-fsanitize=thread); fi

messages=$(mktemp -p "${TEST_TMPDIR:-/tmp}")
link() { # USER LIBRARY...
  c++ "${flags[@]}" -Wl,--whole-archive "$1" -Wl,--no-whole-archive "${@:2}" -pthread \
    -o "${TEST_TMPDIR:-/tmp}/linked" >"$messages" 2>&1
}
expect_error() { # WORDS USER LIBRARY...
  if link "${@:2}"; then
    fail "linked, but should not have: ${*:2}"
  elif ! grep -q "undefined reference.*$1" "$messages"; then
    fail "the linker does not say '$1': $(cat "$messages")"
  fi
}

link "$user_off" "$locks_off" || fail "validator off: $(cat "$messages")"
link "$user_on" "$locks_on" "$hooks_on" || fail "validator on: $(cat "$messages")"
expect_error built_with_the_validator_ON_but_another_without_it "$user_on" "$locks_off"
expect_error built_with_the_validator_OFF_but_another_with_it "$user_off" "$locks_on" "$hooks_on"

echo "$failures failures"
exit $((failures != 0))
