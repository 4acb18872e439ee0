#!/bin/bash
# With the validator off a lock and unlock pair's object code names nothing of the validator.
#
#   object_code_test.sh OFF.a ON.a    lock_pair.cc, optimised, without and with the validator
set -euo pipefail

off=$1
on=$2
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# The names of the validator that an object file mentions, defined or not. The one symbol that says
# in which mode it was built is meant to be there.
validator_names() {
  nm -C "$1" 2>/dev/null | grep -v 'rqlockdep_ERROR_this_object_was_built_with' |
    grep -v 'rqlockdep::hooks::kValidatorO[nf]*Mode' | grep -E 'hooks|[vV]alidator' || true
}

names=$(validator_names "$off")
[[ -z $names ]] || fail "validator off, but the object code names: $names"

# The same question finds them where they are.
for hook in "Acquire(With|Plain)" Release TryAcquire; do
  validator_names "$on" | grep -qE "hooks::$hook\(" ||
    fail "validator on, but no call of hooks::$hook: this test looks at the wrong thing"
done

# It does call the slow paths, so this is the code in question.
nm -C "$off" | grep -q 'rqlockdep::internal::AcquireSlow(' || fail "no slow path?"

# One locked operation each (x86-64; sanitizers add their own).
if [[ $(uname -m) == x86_64 ]] && ! nm "$off" | grep -qE '__(asan|tsan)_'; then
  for function in LockPairResilient LockPairQueued LockPairTry; do
    code=$(objdump -d --no-show-raw-insn "$off" | sed -n "/<$function>:/,/^\$/p")
    locked=$(grep -cE '\block |xchg .*\(' <<<"$code" || true)
    [[ $locked == 1 ]] || fail "$function has $locked locked operations"
  done
fi

echo "$failures failures"
exit $((failures != 0))
