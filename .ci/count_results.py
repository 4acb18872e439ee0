#!/usr/bin/env python3
"""Counts what a `bazel test` did, from its --build_event_json_file: prints "PASSED FAILED".

A test counts once, whatever its number of cases. A target that did not build counts as failed, too,
whether it is a test or not. Skipped (incompatible) targets do not count.
"""

import json
import sys


def main(path):
    passed = set()
    failed = set()
    with open(path, encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            event_id = event.get("id", {})
            if "testSummary" in event_id:
                label = event_id["testSummary"]["label"]
                status = event.get("testSummary", {}).get("overallStatus")
                # FLAKY is a test that failed before it passed: no success in a project about races.
                (passed if status == "PASSED" else failed).add(label)
            elif "targetCompleted" in event_id:
                label = event_id["targetCompleted"]["label"]
                skipped = event.get("aborted", {}).get("reason") == "SKIPPED"
                if not skipped and not event.get("completed", {}).get("success"):
                    failed.add(label)
    for label in sorted(failed):
        print(f"failed: {label}", file=sys.stderr)
    print(len(passed - failed), len(failed))


if __name__ == "__main__":
    main(sys.argv[1])
