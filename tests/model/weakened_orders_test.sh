#!/bin/bash
# The simulator of weak memory finds orders that are too weak: each of these is made relaxed, and a
# client has to fail. And it finds the fault that shared_mark.cc tells of.
#
#   weakened_orders_test.sh PROGRAM_WITH_FAULT
set -uo pipefail

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# finds CLIENT FILE TEXT: the orders on the one line of FILE that has TEXT.
finds() {
  local client=$1 file=$2 text=$3 lines log
  lines=$(grep -nF "$text" "$file" | cut -d: -f1)
  if [[ -z $lines || $lines == *$'\n'* ]]; then
    fail "not one line of $file has '$text'"
  elif log=$(MODEL_WEAKEN=$file:$lines "tests/model/${client}_3_threads_weak_test" 2>&1); then
    fail "$client does not notice a relaxed order at $file:$lines: $text"
  else
    echo "$file:$lines, relaxed: $(grep -oE 'weak memory: [a-z ]*|Assertion .* failed' <<<"$log")"
  fi
}

if "$1" >log 2>&1; then fail "the fault of shared_mark.cc was not found"; fi
grep -q 'Assertion .*kOk' log || fail "the fault of shared_mark.cc: $(cat log)"

fast=include/rqlockdep/internal/fast_path.h
finds resilient_exclusion $fast 'word.locked.compare_exchange_strong('
finds resilient_exclusion $fast 'word.locked.store('
finds resilient_exclusion src/lock_waiter.h 'word_.locked.compare_exchange_strong(*seen, mark_'
finds queue_handover src/waiter_queue.h '= predecessor.next.exchange('
finds queue_handover src/waiter_queue.h 'node.next.compare_exchange_strong('
finds queue_handover src/waiter_queue.h 'successor.state.exchange('
finds queue_handover src/waiter_queue.h 'slot.node.state.load('
finds queue_handover src/waiter_queue.h 'word.tail.exchange('
finds queue_handover src/waiter_queue.h 'word.tail.compare_exchange_strong('

echo "$failures failures"
exit $((failures != 0))
