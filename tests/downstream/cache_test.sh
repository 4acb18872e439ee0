#!/usr/bin/env bash
# On: the finding, with the line, and 66. Off (in -c opt): nothing.
set -u
report=$(./cache 2>&1)
status=$?
echo "$report"
if [[ ${1:-on} == off ]]; then
  [[ $status == 0 && -z $report ]]
else
  [[ $status == 66 ]] && grep -q 'error: circular-dependency' <<<"$report" &&
    grep -q 'cache.cc:1[0-9]' <<<"$report"
fi
