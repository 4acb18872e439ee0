#!/bin/bash
# The files for a model checker need nothing but a compiler: they include a few headers that are all
# templates and declarations, use neither exceptions nor run-time types, and call nothing but threads
# and assert.
#
#   self_contained_test.sh FILE.cc...
set -uo pipefail

readonly HEADERS='algorithm|assert\.h|atomic|bit|cstdint|limits|pthread\.h|sched\.h'
readonly FUNCTIONS='pthread_create|pthread_join|__assert_fail|memset|memcpy|__stack_chk_fail'
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/model.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

compilers=(g++)
if command -v clang++-14 >/dev/null; then compilers+=(clang++-14); fi

for file in "$@"; do
  # (MODEL_WEAK_HEADER: only with MODEL_WEAK.)
  others=$(grep -E '^\s*#\s*include' "$file" | grep -vE "<($HEADERS)>| MODEL_WEAK_HEADER ")
  [[ -z $others ]] || fail "$file includes $others"
  for compiler in "${compilers[@]}"; do
    what="$compiler, ${file##*/}"
    "$compiler" -std=c++20 -O0 -Wall -Wextra -Werror -fno-exceptions -fno-rtti \
      -DMODEL_THREADS=3 -c "$file" -o "$scratch/file.o" || {
      fail "$what: does not compile"
      continue
    }
    calls=$(nm -u "$scratch/file.o" | awk '{print $2}' |
      grep -vxE "$FUNCTIONS|_GLOBAL_OFFSET_TABLE_")
    [[ -z $calls ]] || fail "$what: needs ${calls//$'\n'/ }"
    # It is the locks' own code.
    symbols=$(nm -C "$scratch/file.o")
    grep -qE 'internal::(WaiterQueue|SpinlockSlowPath|LockWaiter)<' <<<"$symbols" ||
      fail "$what: no lock in it?"
  done
done

echo "$failures failures"
exit $((failures != 0))
