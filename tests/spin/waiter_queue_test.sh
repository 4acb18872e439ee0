#!/bin/bash
# Has spin check the model of the waiters' protocol, and broken variants of it.
#
#   waiter_queue_test.sh MODEL.pml [long]
#
# Each run goes through all executions within its parameters: it is a failure if spin stops at its
# limits of depth or memory. Most runs take a second or two; with `long`, larger ones of minutes, up to
# 2 GB.
set -uo pipefail

model=$(realpath "$1")
size=${2:-short}
scratch=$(mktemp -d "${TEST_TMPDIR:-/tmp}/spin.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

memory=()
[[ $size == long ]] && memory=(-DCOLLAPSE) # half the speed, a third of the memory
readonly SAFETY=(-DSAFETY -DNOCLAIM)   # assertions, and nobody is stuck
readonly LIVENESS=(-DNFAIR=3)          # `served`, with fair scheduling

# search KIND DEFINITION...: fills the file `result`. False if there is no full search to judge.
search() {
  local kind=$1
  shift
  local -a how=("${SAFETY[@]}") arguments=()
  [[ $kind == liveness ]] && how=("${LIVENESS[@]}") arguments=(-a -f)
  rm -f pan ./*.trail
  if ! spin -a "$@" "$model" >log 2>&1 ||
    ! gcc -w -O2 -DMEMLIM=4000 "${memory[@]}" "${how[@]}" -o pan pan.c >log 2>&1; then
    cat log
    return 1
  fi
  # -b: an execution longer than -m allows is an error, not just left out.
  ./pan -b -m4000000 "${arguments[@]}" >result 2>&1
  if grep -qE 'max search depth|depth limit|out of memory|MEMLIM|not completed.*memory' result ||
    ! grep -qE 'errors: [0-9]+$' result; then
    cat result
    return 1
  fi
}

# holds KIND DEFINITION...: the model has no error.
holds() {
  search "$@" || { fail "$* did not finish" && return; }
  echo "$*: $(sed -nE 's/^ *([0-9]+) states, stored.*/\1 states/p' result)"
  grep -qE 'errors: 0$' result && grep -q '^Full statespace search' result && return
  fail "$*: $(grep -E '^pan:[0-9]+:' result)"
  ./pan -C 2>&1 | tail -60
}

# breaks KIND MESSAGE DEFINITION...: the model has an error, of this kind.
breaks() {
  local kind=$1 message=$2
  shift 2
  search "$kind" "$@" || { fail "$* did not finish" && return; }
  if grep -qE 'errors: [1-9][0-9]*$' result && grep -qE "^pan:[0-9]+: $message" result; then
    echo "$*: found, $(grep -oE "^pan:[0-9]+: $message" result | cut -d' ' -f2-)"
  else
    fail "$*: not found ($(grep -E '^pan:[0-9]+:' result))"
  fi
}

if [[ $size == short ]]; then
  holds safety -DTHREADS=3 -DLEAVERS=1
  holds safety -DTHREADS=3 -DLEAVERS=3 -DNAPS
  # Leaves and comes back to this queue; or to another.
  holds safety -DTHREADS=3 -DLEAVERS=1 -DROUNDS=2 -DSTAYER_ROUNDS=1
  holds safety -DTHREADS=3 -DLEAVERS=1 -DLOCKS=2
  holds liveness -DTHREADS=3 -DLEAVERS=1
  holds liveness -DTHREADS=2 -DROUNDS=0

  one=(-DTHREADS=3 -DLEAVERS=1)
  breaks safety 'assertion violated' "${one[@]}" -DBUG_TAKE_WITH_STORE
  breaks safety 'assertion violated' "${one[@]}" -DBUG_SPINNER_STAYS
  breaks safety 'assertion violated' "${one[@]}" -DBUG_FREE_TOO_EARLY
  breaks safety 'assertion violated' "${one[@]}" -DBUG_ABANDON_WITH_STORE
  breaks safety 'invalid end state' -DTHREADS=3 -DBUG_NO_TAIL_DETACH
  breaks safety 'invalid end state' -DTHREADS=3 -DBUG_IGNORE_PASSED
  breaks safety 'invalid end state' -DTHREADS=3 -DBUG_LINK_WITH_STORE
  breaks safety 'invalid end state' -DTHREADS=3 -DBUG_NO_WAKE
  breaks safety 'assertion violated' "${one[@]}" -DROUNDS=2 -DBUG_REUSE_ABANDONED
  breaks safety '(assertion violated|invalid end state)' "${one[@]}" -DROUNDS=2 -DLOCKS=2 \
    -DBUG_RETURN_TO_ANY_QUEUE
  breaks liveness 'acceptance cycle' -DTHREADS=3 -DROUNDS=0 -DBUG_NO_RESERVATION
else
  holds safety -DTHREADS=4
  holds safety -DTHREADS=3 -DROUNDS=2 -DSTAYER_ROUNDS=1 -DLEAVERS=1 -DLOCKS=2 -DNAPS
  holds liveness -DTHREADS=3 -DROUNDS=2 -DSTAYER_ROUNDS=1 -DLEAVERS=1
  holds liveness -DTHREADS=3 -DROUNDS=0
fi

echo "$failures failures"
exit $((failures != 0))
