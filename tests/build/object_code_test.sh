#!/bin/bash
# With the validator off a lock and unlock pair's object code names nothing of the validator, and
# contexts are no code at all.
#
#   object_code_test.sh LOCKS_OFF.a LOCKS_ON.a CONTEXTS_OFF.a CONTEXTS_ON.a
#     lock_pair.cc and context_scopes.cc, optimised, without and with the validator
set -euo pipefail

off=$1
on=$2
contexts_off=$3
contexts_on=$4
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

# The functions of context_scopes.cc, as instructions without addresses.
instructions() {
  objdump -dr --no-show-raw-insn "$1" | sed -n "/<$2>:/,/^\$/p" | sed -E '1d; s/^ *[0-9a-f]+:\s*//' |
    sed -E 's/^(j[a-z]+|call) .*/\1/; s/^\s*[0-9a-f]+: R_/R_/; /nop|xchg +%ax,%ax/d; /^\s*$/d'
}
names=$(validator_names "$contexts_off")
[[ -z $names ]] || fail "validator off, but contexts name: $names"
validator_names "$contexts_on" | grep -q 'hooks::EnterContext(' ||
  fail "validator on, but no call of hooks::EnterContext: this test looks at the wrong thing"
if ! nm "$contexts_off" | grep -qE '__(asan|tsan)_'; then
  for function in Handler Callback Masked BlockSignals Install; do
    with=$(instructions "$contexts_off" "${function}WithContexts")
    without=$(instructions "$contexts_off" "${function}Without")
    [[ -n $with && $with == "$without" ]] ||
      fail "$function: contexts cost something:"$'\n'"$with"$'\n'"instead of"$'\n'"$without"
  done
fi

echo "$failures failures"
exit $((failures != 0))
