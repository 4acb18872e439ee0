#!/usr/bin/env bash
# The program itself, as a shell sees it: exit statuses, streams, pipes. command_line_test.cc looks
# at the details.
set -uo pipefail

tool=$PWD/rqlockdep
traces=$PWD/tests/conformance
cd "$TEST_TMPDIR" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect_status STATUS ARGUMENTS...: out and err are what the tool printed.
expect_status() {
  local expected=$1 status=0
  shift
  "$tool" "$@" >out 2>err </dev/null || status=$?
  [[ $status == "$expected" ]] || fail "status $status, not $expected: $*"
}

expect_status 0 --help
expect_status 0 --version
expect_status 2
expect_status 2 replay
expect_status 2 replay --format=svg x
grep -q '^usage: ' err || fail "no usage on standard error"
[[ ! -s out ]] || fail "a usage error on standard output"

expect_status 0 replay "$traces/resilient/resilient_abba_is_intended.trace"
expect_status 1 replay "$traces/resilient/mixed_abba.trace"
grep -q '^rqlockdep: warning: resilient-cycle: ' out || fail "no headline"
[[ ! -s err ]] || fail "something on standard error: $(cat err)"

expect_status 2 replay no-such-file "$traces/resilient/mixed_abba.trace"
grep -Eq '^no-such-file:[0-9]+:[0-9]+: error: ' err || fail "no position: $(cat err)"
grep -q 'resilient-cycle' out || fail "the other file was not replayed"

"$tool" replay - <"$traces/resilient/mixed_abba.trace" >out
[[ $? == 1 ]] || fail "standard input"

# Every trace of the collection: one object on one line, with the ids that the trace expects.
"$tool" replay --format=json "$traces"/*/*.trace >all.json 2>err
[[ $? == 1 ]] || fail "status of all traces: $(head -3 err)"
python3 - all.json <<'PYTHON' || failures=$((failures + 1))
import json, re, sys
count = 0
for line in open(sys.argv[1], encoding="utf-8"):
    report = json.loads(line)
    text = open(report["file"], encoding="utf-8").read()
    expected = set(re.search(r"^# expect: (.*)$", text, re.M).group(1).split()) - {"none"}
    found = {finding["id"] for finding in report["findings"]}
    if found != expected:
        sys.exit("FAILED: %s: %s, expected %s" % (report["file"], found, expected))
    for finding in report["findings"]:
        if not finding["classes"] and finding["id"] != "held-at-exit":
            sys.exit("FAILED: %s: no classes" % report["file"])
    count += 1
if count < 300:
    sys.exit("FAILED: only %d traces" % count)
PYTHON

# No line of any report is wider than the page, and graphs are well-formed enough to balance.
"$tool" replay "$traces"/*/*.trace >out
[[ $(grep -v '^/' out | awk 'length > 110' | wc -l) == 0 ]] || fail "a line of more than 110 columns"
"$tool" replay --format=dot "$traces"/*/*.trace >out
[[ $(grep -c '^digraph' out) == $(grep -c '^}' out) ]] || fail "unbalanced graphs"

# A reader that goes away, a full disk, no standard output at all.
{ "$tool" replay "$traces"/*/*.trace; echo $? >status; } 2>err | true
[[ $(cat status) == 2 ]] || fail "status $(cat status) for a broken pipe"
grep -q 'cannot write standard output' err || fail "a broken pipe went unnoticed"
"$tool" replay "$traces/resilient/mixed_abba.trace" >/dev/full 2>/dev/null
[[ $? == 2 ]] || fail "a full disk"
"$tool" --version >&- 2>/dev/null
[[ $? == 2 ]] || fail "no standard output"

exit $((failures > 0))
